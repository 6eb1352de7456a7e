// SPDX-License-Identifier: GPL-2.0-or-later
//
// How devices and vCPUs write their state down: little-endian fields in a fixed order behind a tag
// and a version, in a buffer. The snapshot file format wraps these buffers; it adds lengths and
// checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace hvlab {

// A saved state that cannot be taken back: truncated, of another kind or version, or out of range.
class StateError : public Error {
public:
    using Error::Error;
};

class StateWriter {
public:
    StateWriter() = default;
    // Writes into that buffer's memory, from its beginning.
    explicit StateWriter(std::vector<std::byte> buffer) : bytes_(std::move(buffer)) {
        bytes_.clear();
    }

    // Begins a section; sections do not nest.
    void begin(std::string_view tag, std::uint32_t version);

    template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void put(T value) {
        if constexpr (sizeof value == 1) {
            bytes_.push_back(static_cast<std::byte>(value));
        } else {
            append(&value, sizeof value);
        }
    }
    void put_bytes(std::span<const std::byte> bytes);  // length first
    // Fields of a byte each, as many as the reader knows of.
    void put_all(std::span<const std::uint8_t> values) { append(values.data(), values.size()); }

    const std::vector<std::byte>& bytes() const { return bytes_; }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    void append(const void* data, std::size_t size);

    std::vector<std::byte> bytes_;
};

// Every call throws StateError rather than reading past the end.
class StateReader {
public:
    explicit StateReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    // Expects the section's tag and returns its version, which must be <= `newest`.
    std::uint32_t begin(std::string_view tag, std::uint32_t newest);

    template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) T get() {
        T value;
        extract(&value, sizeof value);
        return value;
    }
    bool get_bool();
    // `what` names the field in the error when the value lies outside [low, high].
    template <typename T>
    T get_in(T low, T high, std::string_view what) {
        const T value = get<T>();
        if (value < low || value > high) out_of_range(what);
        return value;
    }
    std::vector<std::byte> get_bytes(std::size_t max_size);
    void get_all(std::span<std::uint8_t> values) { extract(values.data(), values.size()); }

    bool at_end() const { return position_ == bytes_.size(); }

private:
    void extract(void* into, std::size_t size);
    [[noreturn]] void out_of_range(std::string_view what) const;

    std::span<const std::byte> bytes_;
    std::size_t position_ = 0;
};

}  // namespace hvlab
