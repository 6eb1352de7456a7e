// SPDX-License-Identifier: GPL-2.0-or-later
#include "bindings.h"
#include "memory_view.h"

namespace py = pybind11;

namespace hvlab::python {

void bind_memory(py::module_& module) {
    py::class_<MemoryView>(module, "MemoryView", py::buffer_protocol(),
                           "A window on guest memory that only reads, for memoryview().")
        .def_buffer([](const MemoryView& view) {
            return py::buffer_info(const_cast<std::byte*>(view.bytes.data()), 1, "B", 1,
                                   {static_cast<py::ssize_t>(view.bytes.size())}, {1},
                                   /*readonly=*/true);
        });
}

}  // namespace hvlab::python
