// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arrays of plain values in a saved state: their count, then the bytes as they stand in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "core/base/state_io.h"

namespace hvlab::sim {

template <typename T>
void put_pods(StateWriter& writer, const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    writer.put_bytes(std::as_bytes(std::span(values)));
}

// Of `least` to `most` elements; throws StateError otherwise.
template <typename T>
void get_pods(StateReader& reader, std::vector<T>& values, std::size_t least, std::size_t most) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::vector<std::byte> bytes = reader.get_bytes(most * sizeof(T));
    if (bytes.size() % sizeof(T) != 0 || bytes.size() < least * sizeof(T)) {
        throw StateError("an array has a wrong size");
    }
    values.resize(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

// Of exactly `count` elements.
template <typename T>
void get_pods(StateReader& reader, std::vector<T>& values, std::size_t count) {
    get_pods(reader, values, count, count);
}

}  // namespace hvlab::sim
