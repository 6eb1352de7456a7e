// SPDX-License-Identifier: GPL-2.0-or-later
//
// A table for others, by Arrow's PyCapsule interface: what a capsule leads to points into the
// table, which lives until the last of them is released.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "frozen_table.h"

namespace hvlab::python::arrow {

using Frozen = std::shared_ptr<const FrozenTable>;

pybind11::capsule schema_capsule(const Frozen& table);
// (schema, array): the table as one array of structs. `requested` is a schema's capsule or None: a
// column of strings comes as plain strings instead of a dictionary if that is asked for, which
// copies it; other wishes are left to the consumer. Throws TypeError if it is no such capsule,
// ValueError if it was released or has other columns.
pybind11::tuple array_capsules(const Frozen& table, const pybind11::object& requested);
// The same as a stream of one array.
pybind11::capsule stream_capsule(const Frozen& table, const pybind11::object& requested);

}  // namespace hvlab::python::arrow
