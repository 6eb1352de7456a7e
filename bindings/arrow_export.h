// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a table to Arrow's structures. Knows nothing of Python: releases come from any thread.
#pragma once

#include <memory>
#include <vector>

#include "arrow_abi.h"
#include "frozen_table.h"

namespace hvlab::python::arrow {

// A structure on the heap that is released, if nobody took its content, and then freed.
struct Release {
    template <typename T>
    void operator()(T* held) const {
        if (held->release != nullptr) held->release(held);
        delete held;
    }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

// How a column is given.
enum class Form : std::uint8_t {
    kAsIs,       // numbers, and strings as a dictionary: without a copy
    kText,       // strings, 32-bit offsets
    kLargeText,  // strings, 64-bit offsets
};
using Shape = std::vector<Form>;  // of the columns

Shape usual_shape(const FrozenTable& table);
// Takes over what of the request can be given. Throws std::invalid_argument if it is about other
// columns.
void honour(const Schema& requested, const FrozenTable& table, Shape& shape);

Owned<Schema> make_schema(const FrozenTable& table, const Shape& shape);
Owned<Array> make_array(const std::shared_ptr<const FrozenTable>& table, const Shape& shape);
Owned<Stream> make_stream(std::shared_ptr<const FrozenTable> table, Shape shape);

}  // namespace hvlab::python::arrow
