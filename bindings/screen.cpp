// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <pybind11/stl.h>

#include "core/devices/code_page_437.h"
#include "core/devices/text_screen.h"
#include "machine_handle.h"
#include "screen_access.h"
#include "text.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

using Use = MachineHandle::Use;

py::list rows(const MachineHandle& handle) {
    const Use machine(handle);
    py::list result;
    for (unsigned row = 0; row < machine->screen().rows(); ++row) {
        result.append(decode(machine->screen().row_text(row)));
    }
    return result;
}

py::tuple cell(const MachineHandle& handle, unsigned row, unsigned column) {
    const Use machine(handle);
    const TextScreen& screen = machine->screen();
    if (row >= screen.rows() || column >= screen.columns()) {
        throw py::index_error(fmt::format("row {}, column {}: the screen has {} rows of {} columns",
                                          row, column, screen.rows(), screen.columns()));
    }
    const TextScreen::Cell found = screen.cell(row, column);
    return py::make_tuple(decode(code_page_437(found.code)), found.code, found.attribute);
}

py::tuple cursor(const MachineHandle& handle) {
    const TextScreen::Cursor found = Use(handle)->screen().cursor();
    return py::make_tuple(found.row, found.column, found.visible, found.first_line,
                          found.last_line);
}

}  // namespace

void bind_screen_access(py::class_<MachineHandle>& machine) {
    machine
        .def_property_readonly("screen_columns",
                               [](const MachineHandle& h) { return Use(h)->screen().columns(); })
        .def_property_readonly("screen_rows", &rows,
                               "The text of each row, spaces at its end left out.")
        .def("screen_cell", &cell, py::arg("row"), py::arg("column"),
             "(character, its code, its attribute byte). Raises IndexError.")
        .def_property_readonly("screen_cursor", &cursor,
                               "(row, column, visible, first and last scan line).")
        .def_property_readonly("screen_blinking",
                               [](const MachineHandle& h) { return Use(h)->screen().blinking(); })
        .def_property_readonly(
            "screen_palette", [](const MachineHandle& h) { return Use(h)->screen().palette(); },
            "The sixteen colours of attributes as 0xRRGGBB.");
}

}  // namespace hvlab::python
