// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/stop.h"

#include <pybind11/stl.h>

#include "bindings.h"
#include "text.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

const char* kind_name(UnhandledAccess::Kind kind) {
    switch (kind) {
        case UnhandledAccess::Kind::kPort:
            return "port";
        case UnhandledAccess::Kind::kMemory:
            return "memory";
        case UnhandledAccess::Kind::kFetch:
            return "fetch";
    }
    return "";
}

}  // namespace

void bind_stop(py::module_& module) {
    py::class_<UnhandledAccess>(module, "UnhandledAccess", "An access that nothing answered.")
        .def_property_readonly(
            "kind", [](const UnhandledAccess& a) { return kind_name(a.kind); },
            "\"port\", \"memory\" or \"fetch\" (of an instruction).")
        .def_readonly("address", &UnhandledAccess::address,
                      "Port number or guest-physical address.")
        .def_readonly("size", &UnhandledAccess::size, "In bytes; 0 for a fetch.")
        .def_readonly("write", &UnhandledAccess::write)
        .def_readonly("value", &UnhandledAccess::value, "What was written; 0 for a read.");

    py::class_<GuestFault>(module, "GuestFault",
                           "An exception that nothing in a micro-guest handled.")
        .def_readonly("vector", &GuestFault::vector)
        .def_readonly("error_code", &GuestFault::error_code, "0 where the exception has none.")
        .def_readonly("rip", &GuestFault::rip, "Of the instruction, or behind it for a trap.")
        .def_readonly("cr2", &GuestFault::cr2, "The address of the last page fault.")
        .def_readonly("in_shim", &GuestFault::in_shim, "The exception is the kernel's own.");

    py::class_<Stop>(module, "Stop", py::module_local(),
                     "Why a run returned, and where the machine stood.")
        .def_property_readonly(
            "reason", [](const Stop& s) { return std::string(to_string(s.reason)); },
            "\"match\", \"debug-exit\", \"halted\", \"reset\", \"triple-fault\", \"budget\", "
            "\"deadline\", "
            "\"wall-deadline\", \"unhandled-access\", \"guest-fault\", \"guest-call\", "
            "\"doorbell\", \"interrupted\" or \"error\".")
        .def_readonly("machine", &Stop::machine, "Name of the machine that ended the run.")
        .def_readonly("time", &Stop::time, "Guest time in nanoseconds.")
        .def_readonly("instructions", &Stop::instructions,
                      "Retired instructions since power-on; None where the backend cannot count.")
        .def_readonly("rip", &Stop::rip, "Instruction pointer of vCPU 0.")
        .def_property_readonly(
            "message", [](const Stop& s) { return decode(s.message); },
            "One sentence for a person.")
        .def_readonly("code", &Stop::code,
                      "The value written to the debug-exit port or the doorbell, a call's first "
                      "argument, else None.")
        .def_readonly("access", &Stop::access, "The access, for \"unhandled-access\", else None.")
        .def_readonly("fault", &Stop::fault, "The exception, for \"guest-fault\", else None.")
        .def_readonly("arguments", &Stop::arguments,
                      "RDI, RSI and RDX, for \"guest-call\", else None.")
        .def_readonly("event", &Stop::event,
                      "For \"match\": which of the events that were given to `run`, from 0, else "
                      "None.")
        .def_readonly(
            "match", &Stop::match,
            "What was printed or shown, for an event of a console or a screen, else None.")
        .def_readonly("port_write", &Stop::port_write,
                      "What was written, for an event of a port, else None.")
        .def("__repr__", [](const Stop& s) {
            return py::str("<Stop {} at {} ns: {}>")
                .format(std::string(to_string(s.reason)), s.time, decode(s.message));
        });
}

}  // namespace hvlab::python
