// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/placement.h"

#include <fmt/format.h>

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

}  // namespace hvlab
