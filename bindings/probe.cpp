// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/probe/probe.h"

#include <pybind11/stl.h>

#include "bindings.h"
#include "handles.h"

namespace py = pybind11;

namespace hvlab::python {

void bind_probe(py::module_& module) {
    py::class_<Figure>(module, "Figure", "A measured figure, or why there is none.")
        .def_readonly("value", &Figure::value)
        .def_readonly("reason", &Figure::reason, "Empty if there is a value.");
    py::class_<ProbeFigures>(module, "ProbeFigures",
                             "How fast a backend is: medians. Rates are instructions a second, "
                             "all else is in seconds.")
        .def_readonly("user_rate", &ProbeFigures::user_rate, "64-bit code at CPL 3.")
        .def_readonly("kernel_rate", &ProbeFigures::kernel_rate, "64-bit code at CPL 0.")
        .def_readonly("port_exit", &ProbeFigures::port_exit, "OUT, in kernel mode.")
        .def_readonly("memory_exit", &ProbeFigures::memory_exit,
                      "A store to where no RAM is, in kernel mode.")
        .def_readonly("halt_exit", &ProbeFigures::halt_exit, "HLT, and the interrupt that ends it.")
        .def_readonly("create", &ProbeFigures::create,
                      "Memory, VM, vCPU and state, up to the first exit.")
        .def_readonly("destroy", &ProbeFigures::destroy)
        .def_readonly("first_touch", &ProbeFigures::first_touch,
                      "A store to a page that nobody has used before, in user mode.");
    module.def(
        "probe",
        [](const std::string& backend) {
            const py::gil_scoped_release unlocked;
            return probe(*create_backend(backend));
        },
        py::arg("backend"), "Measures a backend for about a second. Raises BackendUnavailable.");
}

}  // namespace hvlab::python
