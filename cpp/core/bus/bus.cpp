// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/bus/bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/base/status.h"

namespace hvlab {

namespace {

constexpr std::uint64_t all_ones(unsigned size) {
    return size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
}

constexpr bool is_natural(unsigned size) {
    return size == 1 || size == 2 || size == 4 || size == 8;
}

bool covers(const AddressMap::Range& range, std::uint64_t address) {
    return address - range.start < range.size;  // below the start wraps around to a large distance
}

bool covers(const AddressMap::Range& range, std::uint64_t address, unsigned size) {
    const std::uint64_t distance = address - range.start;
    return distance < range.size && range.size - distance >= size;
}

}  // namespace

void AddressMap::add(std::uint64_t start, std::uint64_t size, Device& device,
                     std::uint64_t first_offset) {
    if (size == 0 || start + (size - 1) < start) {
        throw ConfigError(
            std::string(device.name()),
            fmt::format("a range of {:#x} bytes at {:#x} is empty or has no end", size, start));
    }
    const auto after = std::lower_bound(
        ranges_.begin(), ranges_.end(), start,
        [](const Range& range, std::uint64_t address) { return range.start < address; });
    const auto refuse = [&](const Range& other) {
        throw ConfigError(
            std::string(device.name()),
            fmt::format("{:#x} to {:#x} overlaps {:#x} to {:#x} of {}", start, start + (size - 1),
                        other.start, other.start + (other.size - 1), other.device->name()));
    };
    if (after != ranges_.end() && after->start - start < size) refuse(*after);
    if (after != ranges_.begin() && covers(*std::prev(after), start)) refuse(*std::prev(after));
    ranges_.insert(after,
                   {.start = start, .size = size, .device = &device, .first_offset = first_offset});
    last_ = 0;
}

const AddressMap::Range* AddressMap::find(std::uint64_t address) {
    if (last_ < ranges_.size() && covers(ranges_[last_], address)) return &ranges_[last_];
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), address,
        [](std::uint64_t wanted, const Range& range) { return wanted < range.start; });
    if (after == ranges_.begin() || !covers(*std::prev(after), address)) return nullptr;
    last_ = static_cast<std::size_t>(std::prev(after) - ranges_.begin());
    return &ranges_[last_];
}

bool AddressMap::touches_any(std::uint64_t address, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
        if (find(address + i) != nullptr) return true;
    }
    return false;
}

std::uint64_t AddressMap::read(std::uint64_t address, unsigned size) {
    HVLAB_ASSERT(size >= 1 && size <= 8);
    const Range* range = find(address);
    if (range != nullptr && covers(*range, address, size) && is_natural(size)) {
        const std::uint64_t offset = range->first_offset + (address - range->start);
        return range->device->read(offset, size) & all_ones(size);
    }
    if (range != nullptr || touches_any(address, size)) return read_bytes(address, size);
    if (unclaimed_ != nullptr) unclaimed_->unclaimed(address, size, false, all_ones(size));
    return all_ones(size);
}

void AddressMap::write(std::uint64_t address, unsigned size, std::uint64_t value) {
    HVLAB_ASSERT(size >= 1 && size <= 8);
    value &= all_ones(size);
    const Range* range = find(address);
    if (range != nullptr && covers(*range, address, size) && is_natural(size)) {
        range->device->write(range->first_offset + (address - range->start), size, value);
    } else if (range != nullptr || touches_any(address, size)) {
        write_bytes(address, size, value);
    } else if (unclaimed_ != nullptr) {
        unclaimed_->unclaimed(address, size, true, value);
    }
}

std::uint64_t AddressMap::read_bytes(std::uint64_t address, unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= read(address + i, 1) << (8 * i);
    return value;
}

void AddressMap::write_bytes(std::uint64_t address, unsigned size, std::uint64_t value) {
    for (unsigned i = 0; i < size; ++i) write(address + i, 1, value >> (8 * i));
}

}  // namespace hvlab
