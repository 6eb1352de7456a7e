// SPDX-License-Identifier: GPL-2.0-or-later
#include <pybind11/stl.h>

#include "bindings.h"
#include "device.h"
#include "event.h"
#include "gil.h"
#include "machine_handle.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

UnhandledPolicy unhandled_policy(const std::string& name) {
    if (name == "ignore") return UnhandledPolicy::kIgnore;
    if (name == "stop") return UnhandledPolicy::kStop;
    throw ConfigError("unhandled", "'" + name + "' is neither 'ignore' nor 'stop'");
}

MachineHandle create_machine(const std::shared_ptr<HostHandle>& handle, const std::string& name,
                             const std::string& backend, std::uint64_t memory,
                             const std::string& cpu, std::optional<std::uint64_t> seed,
                             const std::string& unhandled, const BootSource& boot,
                             const py::sequence& devices) {
    const HostHandle::Use host(*handle);
    const MachineConfig config{.name = name,
                               .memory_size = memory,
                               .cpu_model = cpu,
                               .seed = seed ? Seed(*seed) : host->machine_seed(name),
                               .unhandled = unhandled_policy(unhandled),
                               .boot = boot,
                               .devices = device_configs(devices)};
    return {handle, handle->create_machine(config, backend)};
}

Stop run_host(HostHandle& handle, const py::object& until, std::optional<Nanoseconds> timeout,
              std::optional<double> wall) {
    const HostHandle::Use host(handle);
    const Until awaited(until, handle);
    return run(*host, nullptr, awaited.events(),
               {.guest = timeout, .instructions = std::nullopt, .wall = wall});
}

}  // namespace

Stop run(Host& host, Machine* machine, std::span<const Awaited> events, const RunSpans& spans) {
    Host::Goal goal;
    goal.machine = machine;
    goal.events = events;
    goal.limits.poll = &check_signals;
    if (spans.guest) {
        goal.limits.deadline = (machine != nullptr ? machine->now() : host.now()) + *spans.guest;
    }
    if (spans.instructions) {
        // Where nobody counts, the machine says so.
        goal.limits.instructions = machine->instructions().value_or(0) + *spans.instructions;
    }
    if (spans.wall) {
        using Clock = std::chrono::steady_clock;
        const std::chrono::duration<double> span(*spans.wall);
        goal.limits.wall_deadline =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(span);
    }
    const Unlocked unlocked;
    return host.run(goal);
}

void bind_machine(py::module_& module);

void bind_host(py::module_& module) {
    bind_machine(module);

    py::class_<HostHandle, std::shared_ptr<HostHandle>>(
        module, "Host", "Owns machines, and takes them through guest time together.")
        .def(py::init([](std::uint64_t seed) { return std::make_shared<HostHandle>(Seed(seed)); }),
             py::arg("seed") = 0)
        .def("machine", &create_machine, py::kw_only(), py::arg("name"), py::arg("backend"),
             py::arg("memory"), py::arg("cpu"), py::arg("seed"), py::arg("unhandled"),
             py::arg("boot"), py::arg("devices") = py::tuple(),
             "Adds a machine, powered on at the host's current time. `memory` is in bytes; `seed` "
             "None "
             "derives one from the host's.")
        .def(
            "run", &run_host, py::arg("until") = py::none(), py::arg("timeout") = py::none(),
            py::arg("wall") = py::none(),
            "Runs all machines until an Event happens, or the first of a sequence of them, a limit "
            "is reached or one of them stops. `timeout` is guest time from now in nanoseconds, "
            "`wall` host seconds.")
        .def_property_readonly("time",
                               [](HostHandle& handle) { return HostHandle::Use(handle)->now(); })
        .def_property(
            "halts_end_runs",
            [](HostHandle& handle) { return HostHandle::Use(handle)->halts_end_runs(); },
            [](HostHandle& handle, bool on) { HostHandle::Use(handle)->set_halts_end_runs(on); },
            "Whether a machine that halts for ever ends a run also while others run on.")
        .def_property_readonly("closed", &HostHandle::closed)
        .def("interrupt", &HostHandle::interrupt, "Ends the run in progress, from any thread.")
        .def("close", &HostHandle::close,
             "Ends all machines; every later call raises MachineClosed.");
    module.def("backend_names", &backend_names, "The backends of this build, the default first.");
}

}  // namespace hvlab::python
