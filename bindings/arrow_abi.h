// SPDX-License-Identifier: GPL-2.0-or-later
//
// The structures of Apache Arrow's C data interface and C stream interface: a binary interface that
// is stable, and for which no library is needed.
#pragma once

#include <cstdint>

namespace hvlab::python::arrow {

inline constexpr std::int64_t kNullable = 2;  // flag of a field

struct Schema {
    const char* format;
    const char* name;
    const char* metadata;
    std::int64_t flags;
    std::int64_t n_children;
    Schema** children;
    Schema* dictionary;
    // Null once it was released or moved. So of all three.
    void (*release)(Schema*);
    void* private_data;
};

struct Array {
    std::int64_t length;
    std::int64_t null_count;
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    const void** buffers;
    Array** children;
    Array* dictionary;
    void (*release)(Array*);
    void* private_data;
};

struct Stream {
    int (*get_schema)(Stream*, Schema* out);
    int (*get_next)(Stream*, Array* out);
    const char* (*get_last_error)(Stream*);
    void (*release)(Stream*);
    void* private_data;
};

}  // namespace hvlab::python::arrow
