// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "frozen_table.h"

namespace hvlab::python {

// What Python has of a table: `return SimTable{freeze(std::move(table))}`.
struct SimTable {
    std::shared_ptr<const FrozenTable> frozen;
};

}  // namespace hvlab::python
