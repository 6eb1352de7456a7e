// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim_policy_host.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings.h"
#include "sim/schedulers/free_pcpu.h"
#include "sim_errors.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

constexpr std::uint64_t kMostActions = 1'000'000;  // in one call

std::string_view name_of(sim::VcpuState state) {
    switch (state) {
        case sim::VcpuState::kIdle:
            return "idle";
        case sim::VcpuState::kReady:
            return "ready";
        case sim::VcpuState::kRunning:
            return "running";
        case sim::VcpuState::kThrottled:
            return "throttled";
    }
    return "";
}

std::optional<int> known(int id) {
    return id == sim::kNone ? std::nullopt : std::optional(id);
}

PolicyVcpu told(const sim::VcpuFacts& facts) {
    return {facts.vm,  name_of(facts.state), known(facts.pcpu), facts.since,
            facts.ran, facts.progress};
}

PolicyVm told(const sim::VmFacts& facts) {
    return {facts.first,       facts.vcpus, facts.weight,
            facts.reservation, facts.limit, {facts.pcpus.begin(), facts.pcpus.end()},
            facts.home};
}

}  // namespace

sim::Pcpus& PolicyHost::host(const char* asked) const {
    if (host_ == nullptr) {
        refuse(fmt::format("{}: the host is there only while it calls the scheduler", asked));
    }
    return *host_;
}

sim::Pcpus& PolicyHost::acting(const char* asked) {
    sim::Pcpus& found = host(asked);
    if (++actions_ > kMostActions) {
        refuse(fmt::format("does more than {} things in one call, at {} ns: it is caught in a loop",
                           kMostActions, found.now()));
    }
    return found;
}

void PolicyHost::refuse(const std::string& message) const {
    raise_simulation_error(sim::PolicyError(policy_, message).what(), "");
}

void PolicyHost::check_vcpu(const sim::Pcpus& host, int vcpu, const char* asked) const {
    const auto count = static_cast<int>(host.vcpus().size());
    if (vcpu >= 0 && vcpu < count) return;
    refuse(fmt::format("{} of vCPU {}: the host has vCPUs 0 to {}", asked, vcpu, count - 1));
}

void PolicyHost::check_pcpu(const sim::Pcpus& host, int pcpu, const char* asked) const {
    const int count = host.topology().pcpus();
    if (pcpu >= 0 && pcpu < count) return;
    refuse(fmt::format("{} of pCPU {}: the host has pCPUs 0 to {}", asked, pcpu, count - 1));
}

int PolicyHost::core(int pcpu) const {
    const sim::Pcpus& on = host("core()");
    check_pcpu(on, pcpu, "core()");
    return on.topology().core(pcpu);
}

int PolicyHost::node(int pcpu) const {
    const sim::Pcpus& on = host("node()");
    check_pcpu(on, pcpu, "node()");
    return on.topology().node(pcpu);
}

std::vector<std::optional<int>> PolicyHost::running() const {
    std::vector<std::optional<int>> found;
    for (const sim::VcpuId vcpu : host("running").running()) found.push_back(known(vcpu));
    return found;
}

std::vector<int> PolicyHost::free() const {
    const sim::Pcpus& on = host("free");
    std::vector<int> found;
    for (int pcpu = on.free_from(0); pcpu != sim::kNone; pcpu = on.free_from(pcpu + 1)) {
        found.push_back(pcpu);
    }
    return found;
}

std::vector<int> PolicyHost::ready() const {
    std::vector<int> found;
    const auto vcpus = host("ready").vcpus();
    for (std::size_t vcpu = 0; vcpu < vcpus.size(); ++vcpu) {
        if (vcpus[vcpu].state == sim::VcpuState::kReady) found.push_back(static_cast<int>(vcpu));
    }
    return found;
}

std::vector<PolicyVcpu> PolicyHost::vcpus() const {
    std::vector<PolicyVcpu> found;
    for (const sim::VcpuFacts& facts : host("vcpus").vcpus()) found.push_back(told(facts));
    return found;
}

PolicyVcpu PolicyHost::vcpu(int vcpu) const {
    const sim::Pcpus& on = host("vcpu()");
    check_vcpu(on, vcpu, "vcpu()");
    return told(on.vcpus()[static_cast<std::size_t>(vcpu)]);
}

std::vector<PolicyVm> PolicyHost::vms() const {
    std::vector<PolicyVm> found;
    for (const sim::VmFacts& facts : host("vms").vms()) found.push_back(told(facts));
    return found;
}

PolicyVm PolicyHost::vm(int vm) const {
    const auto vms = host("vm()").vms();
    if (vm < 0 || vm >= static_cast<int>(vms.size())) {
        refuse(fmt::format("vm() of VM {}: the host has VMs 0 to {}", vm,
                           static_cast<int>(vms.size()) - 1));
    }
    return told(vms[static_cast<std::size_t>(vm)]);
}

bool PolicyHost::allowed(int vcpu, int pcpu) const {
    const sim::Pcpus& on = host("allowed()");
    check_vcpu(on, vcpu, "allowed()");
    check_pcpu(on, pcpu, "allowed()");
    return on.allowed(vcpu, pcpu);
}

std::optional<int> PolicyHost::best_free(int vcpu) const {
    const sim::Pcpus& on = host("best_free()");
    check_vcpu(on, vcpu, "best_free()");
    return known(sim::best_free_pcpu(on, vcpu));
}

std::uint64_t PolicyHost::random(std::uint64_t bound) {
    return as_simulation_errors([&] { return acting("random()").random(bound); });
}

void PolicyHost::run(int pcpu, int vcpu, std::optional<sim::Duration> slice) {
    as_simulation_errors([&] { acting("run()").run(pcpu, vcpu, slice.value_or(sim::kNever)); });
}

void PolicyHost::extend(int pcpu, std::optional<sim::Duration> slice) {
    as_simulation_errors([&] { acting("extend()").extend(pcpu, slice.value_or(sim::kNever)); });
}

void PolicyHost::preempt(int pcpu) {
    as_simulation_errors([&] { acting("preempt()").preempt(pcpu); });
}

void PolicyHost::hold(int vcpu, bool held) {
    as_simulation_errors([&] { acting("hold()").hold(vcpu, held); });
}

void PolicyHost::set_timer(std::optional<sim::Time> at) {
    as_simulation_errors([&] { acting("set_timer()").set_timer(at.value_or(sim::kNever)); });
}

void bind_sim_policy(py::module_& module) {
    py::class_<PolicyVcpu>(module, "SchedulerVcpu",
                           "A vCPU, as it was when its host was asked for it.")
        .def_readonly("vm", &PolicyVcpu::vm, "The number of its VM on the host.")
        .def_readonly("state", &PolicyVcpu::state, "'idle', 'ready', 'running' or 'throttled'.")
        .def_readonly("pcpu", &PolicyVcpu::pcpu,
                      "Where it runs, or ran last; None if it never ran.")
        .def_readonly("since", &PolicyVcpu::since, "When it came into this state, ns.")
        .def_readonly("ran", &PolicyVcpu::ran,
                      "All its time on pCPUs, ns; to `since` if it is running.")
        .def_readonly("progress", &PolicyVcpu::progress,
                      "Time on pCPUs and idle time, ns; to `since`: what co-scheduling compares.");

    py::class_<PolicyVm>(module, "SchedulerVm", "A VM of a host.")
        .def_readonly("first", &PolicyVm::first, "Its first vCPU; the others follow.")
        .def_readonly("vcpus", &PolicyVm::vcpus, "How many it has.")
        .def_readonly("weight", &PolicyVm::weight)
        .def_readonly("reservation", &PolicyVm::reservation, "pCPUs.")
        .def_readonly("limit", &PolicyVm::limit,
                      "pCPUs, infinite if there is none. The host enforces it.")
        .def_readonly("pcpus", &PolicyVm::pcpus, "Where its vCPUs may run, in order.")
        .def_readonly("home", &PolicyVm::home, "The NUMA node that its memory is on.");

    py::class_<PolicyHost, std::shared_ptr<PolicyHost>>(
        module, "SchedulerHost",
        "A simulated host as its scheduler sees it; only while it calls that, otherwise "
        "SimulationError. pCPUs, vCPUs and VMs are numbers from 0, of this host.")
        .def_property_readonly("now", &PolicyHost::now, "Simulated time, ns.")
        .def_property_readonly("pcpus", &PolicyHost::pcpus, "How many it has.")
        .def_property_readonly("accounting_period", &PolicyHost::accounting_period,
                               "Over which limits hold, ns.")
        .def_property_readonly("running", &PolicyHost::running, "The vCPU on each pCPU, or None.")
        .def_property_readonly("free", &PolicyHost::free, "pCPUs without a vCPU, in order.")
        .def_property_readonly("ready", &PolicyHost::ready, "vCPUs that wait for a pCPU, in order.")
        .def_property_readonly("vcpus", &PolicyHost::vcpus, "All of them: a copy each time.")
        .def_property_readonly("vms", &PolicyHost::vms, "All of them: a copy each time.")
        .def("vcpu", &PolicyHost::vcpu, py::arg("vcpu"), "One of `vcpus`.")
        .def("vm", &PolicyHost::vm, py::arg("vm"), "One of `vms`.")
        .def("core", &PolicyHost::core, py::arg("pcpu"), "The core that it is a thread of.")
        .def("node", &PolicyHost::node, py::arg("pcpu"), "Its NUMA node.")
        .def("allowed", &PolicyHost::allowed, py::arg("vcpu"), py::arg("pcpu"),
             "Whether its VM may run there.")
        .def("best_free", &PolicyHost::best_free, py::arg("vcpu"),
             "The free pCPU where it gets on best, None if there is none: an idle core, its VM's "
             "NUMA node, where it ran last, the lowest number.")
        .def("random", &PolicyHost::random, py::arg("bound"),
             "Uniform in [0, bound), of the run's seed.")
        .def("run", &PolicyHost::run, py::arg("pcpu"), py::arg("vcpu"),
             py::arg("slice") = py::none(),
             "Puts a ready vCPU on a free pCPU for at most `slice` ns (at least 1000), or until it "
             "stops by itself. In `assign` and `timer` alone, as `extend` and `preempt`.")
        .def("extend", &PolicyHost::extend, py::arg("pcpu"), py::arg("slice") = py::none(),
             "Gives the vCPU that runs there a new slice from now on, ns.")
        .def("preempt", &PolicyHost::preempt, py::arg("pcpu"),
             "Takes off the vCPU that runs there: it is ready. Calls `charge`, not `ready`.")
        .def("hold", &PolicyHost::hold, py::arg("vcpu"), py::arg("held"),
             "While held, its waiting counts as co-stop instead of ready time.")
        .def("set_timer", &PolicyHost::set_timer, py::arg("at"),
             "Calls `timer` at that time, ns. There is one timer, moved by setting it again; None: "
             "not at all.");
}

}  // namespace hvlab::python
