// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <pybind11/stl.h>

#include "bindings.h"
#include "event.h"
#include "machine_handle.h"
#include "memory_view.h"
#include "micro_access.h"
#include "screen_access.h"
#include "text.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

using Use = MachineHandle::Use;

Error not_ram(GuestAddress address, std::uint64_t length) {
    return Error(fmt::format("{} bytes at guest-physical {:#x} are not all RAM", length, address));
}

Stop run_machine(const MachineHandle& handle, const py::object& until,
                 std::optional<Nanoseconds> timeout, std::optional<std::uint64_t> instructions,
                 std::optional<double> wall) {
    const Use machine(handle);
    const Until awaited(until, machine.host_handle());
    return run(machine.host(), &*machine, awaited.events(), {timeout, instructions, wall});
}

void send(const MachineHandle& handle, const py::bytes& data) {
    const std::string_view bytes(data);
    Use(handle)->send(std::as_bytes(std::span(bytes)));
}

void type(const MachineHandle& handle, const py::bytes& scan_codes) {
    const std::string_view bytes(scan_codes);
    Use(handle)->type(std::as_bytes(std::span(bytes)));
}

py::bytes read_memory(const MachineHandle& handle, GuestAddress address, std::uint64_t length) {
    const Use machine(handle);
    if (!machine->memory().contains(address, length)) throw not_ram(address, length);
    py::bytes result(static_cast<const char*>(nullptr), length);
    auto* into = reinterpret_cast<std::byte*>(PyBytes_AS_STRING(result.ptr()));
    HVLAB_ASSERT(machine->memory().read(address, {into, length}));
    return result;
}

void write_memory(const MachineHandle& handle, GuestAddress address, const py::bytes& data) {
    const std::string_view bytes(data);
    if (!Use(handle)->memory().write(address, std::as_bytes(std::span(bytes)))) {
        throw not_ram(address, bytes.size());
    }
}

py::memoryview view_memory(const MachineHandle& handle, GuestAddress address,
                           std::uint64_t length) {
    const Use machine(handle);
    const std::span<std::byte> bytes = machine->memory().host_bytes(address, length);
    if (bytes.size() != length) throw not_ram(address, length);
    return py::memoryview(py::cast(MemoryView{machine->memory().mapping(), bytes}));
}

py::list stuck_bits(const MachineHandle& handle) {
    const Use machine(handle);
    py::list result;
    for (const GuestMemory::StuckBit& stuck : machine->memory().stuck_bits()) {
        result.append(py::make_tuple(stuck.address, stuck.bit, stuck.value));
    }
    return result;
}

py::list console_log(const MachineHandle& handle) {
    const Use machine(handle);
    py::list result;
    for (const Console::Line& line : machine->console().lines()) {
        result.append(py::make_tuple(line.time, decode(line.text)));
    }
    return result;
}

template <typename T>
std::optional<T> if_it_has(bool has, T value) {
    return has ? std::optional(value) : std::nullopt;
}

void bind_recent_event(py::module_& module) {
    py::class_<RecentEvent>(module, "RecentEvent",
                            "One of the things that happened to a machine last.")
        .def_readonly("time", &RecentEvent::time, "Guest time in nanoseconds.")
        .def_property_readonly(
            "kind", [](const RecentEvent& e) { return std::string(to_string(e.kind)); },
            "\"port-read\", \"port-write\", \"memory-read\" or \"memory-write\" (where no RAM "
            "is), \"interrupt\", \"nmi\", \"halt\", \"wake\", \"reset\", \"input\" or \"stop\".")
        .def_property_readonly(
            "text", [](const RecentEvent& e) { return describe(e); },
            "What it was, without time and kind.")
        .def_property_readonly(
            "address",
            [](const RecentEvent& e) {
                return if_it_has(e.is_access() || e.kind == RecentEvent::Kind::kStop, e.address);
            },
            "Of an access: the port or the guest-physical address; of a stop: RIP; else None.")
        .def_property_readonly(
            "value",
            [](const RecentEvent& e) {
                return if_it_has(e.is_access() || e.kind == RecentEvent::Kind::kInterrupt ||
                                     e.kind == RecentEvent::Kind::kInput,
                                 e.value);
            },
            "What was read or written, the vector, or how many bytes of input; else None.")
        .def_property_readonly(
            "size", [](const RecentEvent& e) { return if_it_has(e.is_access(), e.size); },
            "Of an access, in bytes; else None.")
        .def_readonly("unclaimed", &RecentEvent::unclaimed, "Of an access: nothing answered.")
        .def("__repr__", [](const RecentEvent& e) {
            return fmt::format("<RecentEvent {} {} at {} ns>", to_string(e.kind), describe(e),
                               e.time);
        });
}

void flush_translations(const MachineHandle& handle) {
    if (auto* cache = Use(handle)->vcpu().capability<TranslationCache>()) cache->flush();
}

void bind_execution(py::class_<MachineHandle>& machine) {
    machine
        .def("run", &run_machine, py::arg("until") = py::none(), py::arg("timeout") = py::none(),
             py::arg("instructions") = py::none(), py::arg("wall") = py::none(),
             "Runs until an Event happens, or the first of a sequence of them, a limit is reached "
             "or the guest stops. `timeout` is guest time from now in nanoseconds, `instructions` "
             "counts from now, `wall` is in host seconds.")
        .def("reset",
             [](const MachineHandle& h) {
                 const Use used(h);
                 used.host().reset(*used);
             })
        .def("interrupt", &MachineHandle::interrupt, "Ends the run in progress, from any thread.")
        .def("close", &MachineHandle::close,
             "Ends the machine; every later call raises MachineClosed.")
        .def_property_readonly("closed", &MachineHandle::closed)
        .def(
            "set_max_slice",
            [](const MachineHandle& h, std::uint64_t n) { Use(h)->set_max_slice(n); },
            py::arg("instructions"),
            "The vCPU comes back after so many instructions at the latest. Changes no result.")
        .def("flush_translations", &flush_translations,
             "Throws away translated code, where the backend has any. Changes no result.");
}

void bind_inspection(py::class_<MachineHandle>& machine) {
    machine.def_property_readonly("name", [](const MachineHandle& h) { return Use(h)->name(); })
        .def_property_readonly(
            "backend", [](const MachineHandle& h) { return std::string(Use(h)->backend_name()); })
        .def_property_readonly("seed",
                               [](const MachineHandle& h) { return Use(h)->config().seed.value(); })
        .def_property_readonly("time", [](const MachineHandle& h) { return Use(h)->now(); })
        .def_property_readonly("instructions",
                               [](const MachineHandle& h) { return Use(h)->instructions(); })
        .def_property_readonly(
            "ended", [](const MachineHandle& h) { return Use(h)->ended(); },
            "The stop after which the machine runs no more; None while it can go on.")
        .def("recent_events", [](const MachineHandle& h) { return Use(h)->recent_events(); })
        .def_property_readonly("unhandled_accesses",
                               [](const MachineHandle& h) { return Use(h)->unhandled_accesses(); })
        .def_property_readonly("record_hash",
                               [](const MachineHandle& h) { return Use(h).record().hex(); })
        .def_property_readonly("record_entries",
                               [](const MachineHandle& h) { return Use(h).record().entries(); })
        .def("state_hash", [](const MachineHandle& h) { return Use(h)->state_hash(); })
        .def_property(
            "cpu_state", [](const MachineHandle& h) { return Use(h)->vcpu().state(); },
            [](const MachineHandle& h, const CpuState& state) { Use(h)->set_cpu_state(state); });
}

void bind_memory_access(py::class_<MachineHandle>& machine) {
    machine
        .def_property_readonly("memory_size",
                               [](const MachineHandle& h) { return Use(h)->memory().size(); })
        .def("read_memory", &read_memory, py::arg("address"), py::arg("length"))
        .def("write_memory", &write_memory, py::arg("address"), py::arg("data"))
        .def("view_memory", &view_memory, py::arg("address"), py::arg("length"))
        .def(
            "stick_bit",
            [](const MachineHandle& h, GuestAddress address, std::uint8_t bit, bool value) {
                Use(h)->stick_bit({.address = address, .bit = bit, .value = value});
            },
            py::arg("address"), py::arg("bit"), py::arg("value"))
        .def(
            "unstick_bit",
            [](const MachineHandle& h, GuestAddress address, std::uint8_t bit) {
                return Use(h)->unstick_bit(address, bit);
            },
            py::arg("address"), py::arg("bit"), "False if it was not stuck.")
        .def_property_readonly("stuck_bits", &stuck_bits, "(address, bit, value) of each.");
}

void bind_console_access(py::class_<MachineHandle>& machine) {
    machine.def("send", &send, py::arg("data"))
        .def(
            "raise_nmi", [](const MachineHandle& h) { Use(h)->raise_nmi(); },
            "A pulse on the vCPU's NMI pin, now.")
        .def("type", &type, py::arg("scan_codes"), "Keys, as a keyboard sends them in set 2.")
        .def_property_readonly(
            "console_text", [](const MachineHandle& h) { return decode(Use(h)->console().text()); })
        .def_property_readonly(
            "console_data",
            [](const MachineHandle& h) { return py::bytes(std::string(Use(h)->console().text())); })
        .def_property_readonly("console_dropped",
                               [](const MachineHandle& h) { return Use(h)->console().dropped(); })
        .def_property_readonly("console_log", &console_log)
        .def(
            "console_tail",
            [](const MachineHandle& h, std::size_t lines) {
                return decode(Use(h)->console().tail(lines));
            },
            py::arg("lines"));
}

}  // namespace

void bind_machine(py::module_& module) {
    bind_recent_event(module);
    // Local to the module: found by one look-up fewer, in every call.
    py::class_<MachineHandle> machine(module, "Machine", py::module_local(),
                                      "One virtual computer of a Host.");
    bind_execution(machine);
    bind_inspection(machine);
    bind_memory_access(machine);
    bind_console_access(machine);
    bind_micro_access(machine);
    bind_screen_access(machine);
}

}  // namespace hvlab::python
