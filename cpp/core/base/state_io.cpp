// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/state_io.h"

#include <fmt/format.h>

#include <bit>

namespace hvlab {

static_assert(std::endian::native == std::endian::little,
              "saved states are little-endian and written as they lie in memory");

void StateWriter::append(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
}

void StateWriter::begin(std::string_view tag, std::uint32_t version) {
    HVLAB_ASSERT(!tag.empty() && tag.size() <= 0xFF);
    put(static_cast<std::uint8_t>(tag.size()));
    append(tag.data(), tag.size());
    put(version);
}

void StateWriter::put_bytes(std::span<const std::byte> bytes) {
    put(static_cast<std::uint64_t>(bytes.size()));
    append(bytes.data(), bytes.size());
}

void StateReader::extract(void* into, std::size_t size) {
    const std::size_t left = bytes_.size() - position_;
    if (size > left) {
        throw StateError(fmt::format("saved state ends at byte {}: {} bytes wanted, {} left",
                                     bytes_.size(), size, left));
    }
    if (size > 0) std::memcpy(into, bytes_.data() + position_, size);
    position_ += size;
}

std::uint32_t StateReader::begin(std::string_view tag, std::uint32_t newest) {
    std::string found(get<std::uint8_t>(), '\0');
    extract(found.data(), found.size());
    if (found != tag) {
        throw StateError(fmt::format("saved state of '{}' expected, found {:?}", tag, found));
    }
    const auto version = get<std::uint32_t>();
    if (version == 0 || version > newest) {
        throw StateError(fmt::format("saved state of '{}' has version {}; known are 1 to {}", tag,
                                     version, newest));
    }
    return version;
}

bool StateReader::get_bool() {
    return get_in<std::uint8_t>(0, 1, "boolean") == 1;
}

std::vector<std::byte> StateReader::get_bytes(std::size_t max_size) {
    const auto size = get<std::uint64_t>();
    if (size > max_size) {
        throw StateError(
            fmt::format("saved state has a block of {} bytes; at most {} fit", size, max_size));
    }
    // Before the allocation: a lying length must not cost memory.
    if (size > bytes_.size() - position_) {
        throw StateError(fmt::format("saved state ends at byte {}: {} bytes wanted, {} left",
                                     bytes_.size(), size, bytes_.size() - position_));
    }
    std::vector<std::byte> block(size);
    extract(block.data(), block.size());
    return block;
}

void StateReader::out_of_range(std::string_view what) const {
    throw StateError(fmt::format("saved state: {} out of range before byte {}", what, position_));
}

}  // namespace hvlab
