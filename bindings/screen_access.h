// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include "machine_handle.h"

namespace hvlab::python {

// The machine's text screen: added to the class of machines.
void bind_screen_access(pybind11::class_<MachineHandle>& machine);

}  // namespace hvlab::python
