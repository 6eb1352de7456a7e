// SPDX-License-Identifier: GPL-2.0-or-later
#include "event.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "bindings.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

// Each byte of console output is held against all of a machine's patterns.
constexpr std::size_t kMaxEvents = 256;

std::string describe(const PortPattern& pattern) {
    const char* of = pattern.width == 1   ? " of a byte"
                     : pattern.width == 2 ? " of 2 bytes"
                     : pattern.width == 4 ? " of 4 bytes"
                                          : "";
    const std::string what =
        pattern.value ? fmt::format("write of {:#x}", *pattern.value) : "write";
    return fmt::format("{}{} to port {:#x}", what, of, pattern.port);
}

PortPattern port_pattern(std::uint64_t port, std::optional<std::uint64_t> value,
                         std::optional<unsigned> width) {
    if (port > 0xFFFF) throw ConfigError("port", fmt::format("{:#x} is not 0 to 0xffff", port));
    if (width && *width != 1 && *width != 2 && *width != 4) {
        throw ConfigError("width",
                          fmt::format("a port is written with 1, 2 or 4 bytes, not {}", *width));
    }
    if (value && *value >> (8 * width.value_or(4)) != 0) {
        throw ConfigError(
            "value", fmt::format("{:#x} does not fit into {} bytes", *value, width.value_or(4)));
    }
    PortPattern pattern{.port = static_cast<std::uint16_t>(port), .width = width};
    if (value) pattern.value = static_cast<std::uint32_t>(*value);
    return pattern;
}

}  // namespace

Event::Event(py::object machine, What what, bool on_screen)
    : owner_(std::move(machine)),
      machine_(&owner_.cast<MachineHandle&>()),
      what_(std::move(what)),
      on_screen_(on_screen) {}

Awaited Event::awaited(const HostHandle& host) const {
    Awaited awaited{.machine = &machine_->of(host)};
    if (const auto* pattern = std::get_if<ConsolePattern>(&what_)) {
        awaited.place = on_screen_ ? Awaited::Place::kScreen : Awaited::Place::kConsole;
        awaited.pattern = pattern;
    } else {
        awaited.place = Awaited::Place::kPort;
        awaited.port = std::get<PortPattern>(what_);
    }
    return awaited;
}

Until::Until(py::handle until, const HostHandle& host) {
    if (until.is_none()) return;
    // One look-up of the type, where isinstance and a cast take two: a short run notices it.
    py::detail::make_caster<Event> one;
    if (one.load(until, /*convert=*/false)) {
        one_ = py::detail::cast_op<const Event&>(one).awaited(host);
        return;
    }
    for (const py::handle event : until)
        several_.push_back(event.cast<const Event&>().awaited(host));
    if (several_.empty()) throw ConfigError("until", "there is no event in it");
    if (several_.size() > kMaxEvents) {
        throw ConfigError("until",
                          fmt::format("{} events; {} are allowed", several_.size(), kMaxEvents));
    }
}

void bind_event(py::module_& module) {
    py::class_<PortPattern>(module, "PortPattern", "A write to a port that a run may wait for.")
        .def(py::init(&port_pattern), py::arg("port"), py::arg("value") = py::none(),
             py::arg("width") = py::none(), "Raises MachineConfigError for what cannot be written.")
        .def_readonly("port", &PortPattern::port)
        .def_readonly("value", &PortPattern::value, "None: any.")
        .def_readonly("width", &PortPattern::width, "In bytes; None: any.")
        .def("__str__", &describe);
    py::class_<PortWrite>(module, "PortWrite", "A write to a port that was waited for.")
        .def_readonly("port", &PortWrite::port)
        .def_readonly("value", &PortWrite::value)
        .def_readonly("width", &PortWrite::width, "In bytes.")
        .def_readonly("time", &PortWrite::time, "Guest time of the instruction in nanoseconds.")
        .def("__repr__", [](const PortWrite& write) {
            return fmt::format("<PortWrite of {:#x} ({} bytes) to {:#x} at {} ns>", write.value,
                               write.width, write.port, write.time);
        });
    py::class_<Event>(module, "Event", py::module_local(), "Something that a run can wait for.")
        .def(py::init<py::object, Event::What, bool>(), py::arg("machine"), py::arg("what"),
             py::arg("on_screen") = false);
}

}  // namespace hvlab::python
