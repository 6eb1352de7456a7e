// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim_description.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "sim/schedulers/scheduler.h"
#include "sim/workloads/workload.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

using sim::Distribution;
using sim::Parameter;

constexpr std::array<std::pair<std::string_view, Distribution::Shape>, 7> kShapes{{
    {"constant", Distribution::Shape::kConstant},
    {"exponential", Distribution::Shape::kExponential},
    {"uniform", Distribution::Shape::kUniform},
    {"lognormal", Distribution::Shape::kLogNormal},
    {"pareto", Distribution::Shape::kPareto},
    {"erlang", Distribution::Shape::kErlang},
    {"hyperexponential", Distribution::Shape::kHyperexponential},
}};

// A mapping's fields, with the place in the description for messages.
class Fields {
public:
    Fields(const py::handle& object, std::string where) : where_(std::move(where)) {
        if (!py::isinstance<py::dict>(object)) throw ConfigError(where_, "must be a mapping");
        dict_ = py::reinterpret_borrow<py::dict>(object);
    }

    template <typename T>
    T get(const char* name) const {
        try {
            return at(name).cast<T>();
        } catch (const py::cast_error&) {
            throw ConfigError(place(name), "has a wrong type");
        }
    }
    py::object at(const char* name) const {
        if (!dict_.contains(name)) throw ConfigError(place(name), "is missing");
        return dict_[name];
    }
    bool has(const char* name) const { return dict_.contains(name) && !at(name).is_none(); }
    const py::dict& all() const { return dict_; }
    std::string place(std::string_view name) const { return fmt::format("{}.{}", where_, name); }

private:
    std::string where_;
    py::dict dict_;
};

Distribution distribution_from(const py::handle& object, const std::string& where) {
    const Fields fields(object, where);
    const auto name = fields.get<std::string>("shape");
    for (const auto& [known, shape] : kShapes) {
        if (known != name) continue;
        const Distribution found{shape, fields.get<double>("a"), fields.get<double>("b")};
        if (const std::string problem = found.problem(); !problem.empty()) {
            throw ConfigError(where, problem);
        }
        return found;
    }
    throw ConfigError(where, fmt::format("there is no distribution '{}'", name));
}

sim::Value value_from(const Parameter& parameter, const py::object& object,
                      const std::string& where) {
    try {
        switch (parameter.type) {
            case Parameter::Type::kDuration:
            case Parameter::Type::kInteger:
                return object.cast<std::int64_t>();
            case Parameter::Type::kNumber:
                return object.cast<double>();
            case Parameter::Type::kFlag:
                return object.cast<bool>();
            case Parameter::Type::kChoice:
                return object.cast<std::string>();
            case Parameter::Type::kNumbers:
                return object.cast<std::vector<double>>();
            case Parameter::Type::kDistribution:
                return distribution_from(object, where);
        }
    } catch (const py::cast_error&) {
        throw ConfigError(where, "has a wrong type");
    }
    throw ConfigError(where, "is of a type that is not known here");
}

// {"name": ..., "values": {...}}; `find` gives the kind of that name, or nullptr.
template <typename Find>
sim::Choice choice_from(const py::object& object, const std::string& where, Find&& find) {
    const Fields fields(object, where);
    sim::Choice choice{fields.get<std::string>("name"), {}};
    const auto* kind = find(choice.name);
    if (kind == nullptr) throw ConfigError(where, fmt::format("there is no '{}'", choice.name));
    const Fields values(fields.at("values"), where);
    std::size_t known = 0;
    for (const Parameter& parameter : kind->parameters) {
        const std::string name(parameter.name);
        if (!values.has(name.c_str())) {
            if (parameter.preset == "-") continue;
            throw ConfigError(values.place(name), "is missing");
        }
        choice.values.set(name, value_from(parameter, values.at(name.c_str()), values.place(name)));
        ++known;
    }
    for (const auto& [name, value] : values.all()) known -= !value.is_none();
    if (known != 0) throw ConfigError(where, "there are parameters that are not known");
    return choice;
}

sim::HostGroup host_from(const py::handle& object, const std::string& where) {
    const Fields fields(object, where);
    sim::HostGroup host;
    host.name = fields.get<std::string>("name");
    host.count = fields.get<std::int64_t>("count");
    host.sockets = fields.get<int>("sockets");
    host.cores = fields.get<int>("cores");
    host.threads = fields.get<int>("threads");
    host.numa_nodes = fields.get<int>("numa_nodes");
    host.smt_speed = fields.get<double>("smt_speed");
    host.remote_speed = fields.get<double>("remote_speed");
    host.context_switch = fields.get<sim::Duration>("context_switch");
    host.migration = fields.get<sim::Duration>("migration");
    host.remote_migration = fields.get<sim::Duration>("remote_migration");
    host.accounting_period = fields.get<sim::Duration>("accounting_period");
    if (Fields(fields.at("scheduler"), fields.place("scheduler")).get<std::string>("name") ==
        sim::kOwnScheduler) {
        host.scheduler.name = sim::kOwnScheduler;
        return host;
    }
    host.scheduler = choice_from(fields.at("scheduler"), fields.place("scheduler"),
                                 [](const std::string& name) { return sim::find_scheduler(name); });
    return host;
}

sim::VmGroup vm_from(const py::handle& object, const std::string& where) {
    const Fields fields(object, where);
    sim::VmGroup vm;
    vm.name = fields.get<std::string>("name");
    vm.count = fields.get<std::int64_t>("count");
    vm.vcpus = fields.get<int>("vcpus");
    vm.weight = fields.get<double>("weight");
    vm.reservation = fields.get<double>("reservation");
    if (fields.has("limit")) vm.limit = fields.get<double>("limit");
    vm.pcpus = fields.get<std::vector<int>>("pcpus");
    vm.hosts = fields.get<std::string>("hosts");
    vm.with = fields.get<std::string>("with");
    vm.apart = fields.get<std::vector<std::string>>("apart");
    vm.workload = choice_from(fields.at("workload"), fields.place("workload"),
                              [](const std::string& name) { return sim::find_workload(name); });
    return vm;
}

}  // namespace

sim::Description description_from(const py::dict& plain, std::uint64_t seed) {
    const Fields fields(plain, "cluster");
    sim::Description description;
    description.seed = seed;
    const auto fidelity = fields.get<std::string>("fidelity");
    if (fidelity != "fluid" && fidelity != "quantum") {
        throw ConfigError("cluster.fidelity", fmt::format("there is no '{}'", fidelity));
    }
    description.fidelity = fidelity == "fluid" ? sim::Fidelity::kFluid : sim::Fidelity::kQuantum;
    description.control_latency = fields.get<sim::Duration>("control_latency");
    std::size_t index = 0;
    for (const auto& host : fields.get<py::list>("hosts")) {
        description.hosts.push_back(host_from(host, fmt::format("hosts[{}]", index++)));
    }
    index = 0;
    for (const auto& vm : fields.get<py::list>("vms")) {
        description.vms.push_back(vm_from(vm, fmt::format("vms[{}]", index++)));
    }
    return description;
}

}  // namespace hvlab::python
