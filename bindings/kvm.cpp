// SPDX-License-Identifier: GPL-2.0-or-later
#include <pybind11/stl.h>

#include "backends/kvm/status.h"
#include "bindings.h"

namespace py = pybind11;

namespace hvlab::python {

void bind_kvm(py::module_& module) {
    using kvm::NamedCapability;
    using kvm::Status;

    py::class_<NamedCapability>(module, "KvmCapability", "A KVM_CAP that hvlab uses.")
        .def_readonly("name", &NamedCapability::name)
        .def_readonly("value", &NamedCapability::value, "As the kernel gives it; 0 is absent.")
        .def_readonly("required", &NamedCapability::required,
                      "The backend is not available without it.");
    py::class_<Status>(module, "KvmStatus", "What the host's KVM is.")
        .def_readonly("available", &Status::available)
        .def_readonly("reason", &Status::reason,
                      "Why it is not available, and who can help; else empty.")
        .def_readonly("flavour", &Status::flavour,
                      "\"VT-x\", \"SVM\" or \"software\"; empty where it is not available.")
        .def_readonly("nested", &Status::nested, "This host is a guest itself.")
        .def_readonly("capabilities", &Status::capabilities);
    module.def(
        "kvm_status", [] { return kvm::status(); }, py::call_guard<py::gil_scoped_release>(),
        "Asks the host's KVM, anew with each call (hvlab.backends keeps the answer).");
}

}  // namespace hvlab::python
