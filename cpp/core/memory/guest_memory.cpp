// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/memory/guest_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/io.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

void check_size(std::uint64_t size) {
    if (size < GuestMemory::kMinSize || size > GuestMemory::kMaxSize) {
        throw ConfigError("memory",
                          fmt::format("{} bytes is not between {} MiB and {} GiB", size,
                                      GuestMemory::kMinSize / kMiB, GuestMemory::kMaxSize / kGiB));
    }
    if (!is_aligned(size, kPageSize)) {
        throw ConfigError("memory",
                          fmt::format("{} bytes is not a multiple of {}", size, kPageSize));
    }
}

}  // namespace

GuestMemory::GuestMemory(std::uint64_t size) : size_(size) {
    check_size(size);
    file_ = create_memory_file("hvlab-guest-memory", size);
    mapping_ = std::make_shared<Mapping>(Mapping::shared(file_.get(), size));
    const GuestAddress below = end_below_4gib();
    regions_.push_back({.address = 0, .size = kVideoWindowStart, .offset = 0});
    regions_.push_back(
        {.address = kVideoWindowEnd, .size = below - kVideoWindowEnd, .offset = kVideoWindowEnd});
    if (size > below) {
        regions_.push_back({.address = kPciHoleEnd, .size = size - below, .offset = below});
    }
}

GuestAddress GuestMemory::end() const {
    return regions_.back().address + regions_.back().size;
}

std::byte* GuestMemory::translate(GuestAddress address, std::uint64_t length) const {
    // Regions do not touch each other (holes lie between), so a range is RAM only if one holds it
    // all.
    for (const Region& region : regions_) {
        if (address < region.address) continue;
        const std::uint64_t into = address - region.address;
        if (into < region.size && length <= region.size - into) {
            return mapping_->bytes().data() + region.offset + into;
        }
    }
    return nullptr;
}

bool GuestMemory::contains(GuestAddress address, std::uint64_t length) const {
    return length == 0 || translate(address, length) != nullptr;
}

bool GuestMemory::read(GuestAddress address, std::span<std::byte> into) const {
    if (into.empty()) return true;
    const std::byte* from = translate(address, into.size());
    if (from == nullptr) return false;
    std::memcpy(into.data(), from, into.size());
    return true;
}

bool GuestMemory::write(GuestAddress address, std::span<const std::byte> from) {
    if (from.empty()) return true;
    std::byte* into = translate(address, from.size());
    if (into == nullptr) return false;
    std::memcpy(into, from.data(), from.size());
    wrote(address, from.size());
    return true;
}

bool GuestMemory::fill(GuestAddress address, std::uint64_t length, std::byte value) {
    if (length == 0) return true;
    std::byte* into = translate(address, length);
    if (into == nullptr) return false;
    std::memset(into, std::to_integer<int>(value), length);
    wrote(address, length);
    return true;
}

void GuestMemory::clear() {
    if (fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  static_cast<off_t>(size_)) != 0) {
        throw HostError("clear guest memory (fallocate)", errno);
    }
    for (const Region& region : regions_) wrote(region.address, region.size);
}

std::vector<GuestMemory::Region> GuestMemory::populated() const {
    std::vector<Region> result;
    for (const Region& region : regions_) {
        const auto end = static_cast<off_t>(region.offset + region.size);
        auto position = static_cast<off_t>(region.offset);
        while (position < end) {
            const off_t data = lseek(file_.get(), position, SEEK_DATA);
            if (data < 0 && errno == ENXIO) break;  // nothing but a hole follows
            const off_t hole = data < 0 ? data : lseek(file_.get(), data, SEEK_HOLE);
            if (hole < 0) throw HostError("find the touched pages of guest memory (lseek)", errno);
            if (data >= end) break;
            position = std::min(hole, end);
            const auto offset = static_cast<std::uint64_t>(data);
            result.push_back({.address = region.address + (offset - region.offset),
                              .size = static_cast<std::uint64_t>(position - data),
                              .offset = offset});
        }
    }
    return result;
}

std::span<std::byte> GuestMemory::host_bytes(GuestAddress address, std::uint64_t length) {
    if (length == 0) return {};
    std::byte* start = translate(address, length);
    return start == nullptr ? std::span<std::byte>() : std::span(start, length);
}

void GuestMemory::set_dirty_logging(bool enabled) {
    if (!enabled) {
        dirty_.reset();
    } else if (!dirty_) {
        dirty_.emplace(page_index(end()));
    }
}

void GuestMemory::fetch_and_clear_dirty(PageBitmap& into) {
    if (!dirty_) return;
    into |= *dirty_;
    dirty_->clear();
}

void GuestMemory::wrote(GuestAddress address, std::uint64_t length) {
    if (!stuck_.empty()) force_stuck_bits(address, length);
    if (dirty_) {
        const std::uint64_t first = page_index(address);
        dirty_->set_range(first, page_index(address + length - 1) - first + 1);
    }
    if (listener_) listener_(address, length);
}

// ---- Stuck bits

namespace {

constexpr auto kPlaceOf = [](const GuestMemory::StuckBit& stuck) {
    return std::pair(stuck.address, stuck.bit);
};

}  // namespace

bool GuestMemory::stick(const StuckBit& stuck) {
    if (stuck.bit > 7 || !contains(stuck.address, 1)) return false;
    const auto place = std::ranges::lower_bound(stuck_, kPlaceOf(stuck), {}, kPlaceOf);
    if (place != stuck_.end() && kPlaceOf(*place) == kPlaceOf(stuck)) {
        *place = stuck;
    } else if (stuck_.size() < kMaxStuckBits) {
        stuck_.insert(place, stuck);
    } else {
        return false;
    }
    wrote(stuck.address, 1);
    return true;
}

bool GuestMemory::unstick(GuestAddress address, std::uint8_t bit) {
    const auto place = std::ranges::lower_bound(stuck_, std::pair(address, bit), {}, kPlaceOf);
    if (place == stuck_.end() || kPlaceOf(*place) != std::pair(address, bit)) return false;
    stuck_.erase(place);
    return true;
}

bool GuestMemory::has_stuck_bits(GuestAddress page) const {
    const auto first = std::ranges::lower_bound(stuck_, page, {}, &StuckBit::address);
    return first != stuck_.end() && first->address - page < kPageSize;
}

void GuestMemory::force_stuck_bits(GuestAddress address, std::uint64_t length) {
    auto stuck = std::ranges::lower_bound(stuck_, address, {}, &StuckBit::address);
    for (; stuck != stuck_.end() && stuck->address - address < length; ++stuck) {
        std::byte& cell = *translate(stuck->address, 1);
        const std::byte mask = std::byte{1} << stuck->bit;
        cell = stuck->value ? cell | mask : cell & ~mask;
    }
}

}  // namespace hvlab
