// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim_errors.h"

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace hvlab::python {

void raise_simulation_error(const std::string& message, const std::string& field) {
    const py::object type = py::module_::import("hvlab.errors").attr("SimulationError");
    PyErr_SetObject(type.ptr(), type(message, field).ptr());
    throw py::error_already_set();
}

}  // namespace hvlab::python
