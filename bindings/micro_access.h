// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include "machine_handle.h"

namespace hvlab::python {

// Rings and calls of micro-guests.
void bind_micro_access(pybind11::class_<MachineHandle>& machine);

}  // namespace hvlab::python
