// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <type_traits>

namespace hvlab {

template <typename T>
std::optional<T> GuestMemory::read_value(GuestAddress address) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (!read(address, std::as_writable_bytes(std::span{&value, 1}))) return std::nullopt;
    return value;
}

template <typename T>
bool GuestMemory::write_value(GuestAddress address, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write(address, std::as_bytes(std::span{&value, 1}));
}

}  // namespace hvlab
