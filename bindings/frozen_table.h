// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/measures/table.h"

namespace hvlab::python {

// Strings one behind the other; string i is bytes[offsets[i] .. offsets[i + 1]).
struct PackedWords {
    std::vector<std::int32_t> offsets;
    std::string bytes;
};

// A table that changes no more, shared by all who read its columns where they are: numpy arrays and
// Arrow consumers outlive the Python object. For any thread, without the GIL.
struct FrozenTable {
    sim::Table table;
    std::vector<PackedWords> dictionaries;  // a column each; empty for numbers
};

// Throws std::invalid_argument if columns differ in length, share a name, or have one with a NUL.
std::shared_ptr<const FrozenTable> freeze(sim::Table table);

}  // namespace hvlab::python
