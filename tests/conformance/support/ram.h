// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#include "core/base/status.h"
#include "core/base/units.h"

namespace hvlab::conformance {

// Page-aligned memory that starts as zeros, as guest memory is. Offsets are the test's own, so one
// out of bounds is a bug of the test.
class Ram {
public:
    explicit Ram(std::uint64_t size)
        : bytes_(static_cast<std::byte*>(std::aligned_alloc(kPageSize, size)), std::free),
          size_(size) {
        HVLAB_ASSERT(bytes_ != nullptr);
        std::memset(bytes_.get(), 0, size);
    }

    std::uint64_t size() const { return size_; }
    std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

    template <typename T>
    requires(!std::is_convertible_v<const T&, std::span<const std::byte>>) void put(
        std::uint64_t offset, const T& value) {
        HVLAB_ASSERT(offset <= size_ && size_ - offset >= sizeof value);
        std::memcpy(bytes_.get() + offset, &value, sizeof value);
    }
    void put(std::uint64_t offset, std::span<const std::byte> from) {
        HVLAB_ASSERT(offset <= size_ && size_ - offset >= from.size());
        std::memcpy(bytes_.get() + offset, from.data(), from.size());
    }
    template <typename T>
    T get(std::uint64_t offset) const {
        T value;
        HVLAB_ASSERT(offset <= size_ && size_ - offset >= sizeof value);
        std::memcpy(&value, bytes_.get() + offset, sizeof value);
        return value;
    }
    std::uint8_t byte(std::uint64_t offset) const { return get<std::uint8_t>(offset); }

    void copy_from(const Ram& other) {
        HVLAB_ASSERT(other.size_ == size_);
        std::memcpy(bytes_.get(), other.bytes_.get(), size_);
    }
    bool operator==(const Ram& other) const {
        return size_ == other.size_ && std::memcmp(bytes_.get(), other.bytes_.get(), size_) == 0;
    }

private:
    std::unique_ptr<std::byte, decltype(&std::free)> bytes_;
    std::uint64_t size_;
};

}  // namespace hvlab::conformance
