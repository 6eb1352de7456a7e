// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/placement.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvlab {

void check_place(const GuestMemory& memory, const ImageBytes& image, const std::string& field,
                 GuestAddress address, std::uint64_t size) {
    const GuestAddress end = address + size;
    HVLAB_ASSERT(size > 0 && end > address);
    const auto refuse = [&](const std::string& why) {
        image.refuse(field, fmt::format("{} bytes at {:#x} {}", size, address, why));
    };
    if (address < kLegacyHoleEnd && end > kLegacyHoleStart) {
        refuse(fmt::format("overlap the legacy hole {:#x}-{:#x}", kLegacyHoleStart,
                           kLegacyHoleEnd - 1));
    }
    // On a small machine what reaches so far is simply too large.
    const bool reaches_hole = address < kPciHoleEnd && end > kPciHoleStart;
    if (reaches_hole && (address >= kPciHoleStart || memory.size() > kPciHoleStart)) {
        refuse(fmt::format("overlap the device hole {:#x}-{:#x}", kPciHoleStart, kPciHoleEnd - 1));
    }
    if (!memory.contains(address, size)) {
        refuse(fmt::format("do not fit into {} MiB of memory", memory.size() / kMiB));
    }
    if (end > kPciHoleEnd) refuse("lie above 4 GiB, out of reach at the entry");
}

FreeMemory::FreeMemory(const GuestMemory& memory) : end_(memory.end_below_4gib()) {}

void FreeMemory::take(GuestAddress address, std::uint64_t size) {
    const Range range{.start = address, .end = address + size};
    taken_.insert(std::ranges::upper_bound(taken_, address, {}, &Range::start), range);
}

std::optional<GuestAddress> FreeMemory::place(std::uint64_t size) {
    GuestAddress start = kLegacyHoleEnd;
    for (const Range& range : taken_) {
        if (range.end <= start) continue;
        if (range.start >= start && range.start - start >= size) break;
        start = align_up(range.end, kPageSize);
    }
    if (start > end_ || size > end_ - start) return std::nullopt;
    take(start, size);
    return start;
}

}  // namespace hvlab
