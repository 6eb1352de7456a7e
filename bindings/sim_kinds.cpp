// SPDX-License-Identifier: GPL-2.0-or-later
//
// The schedulers and workloads that the simulator has, with their parameters.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <string_view>
#include <vector>

#include "bindings.h"
#include "sim/schedulers/scheduler.h"
#include "sim/workloads/workload.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

struct SimParameter {
    const sim::Parameter* parameter;
};

struct SimKind {
    std::string_view name;
    std::string_view meaning;
    std::string_view source;
    std::vector<std::string> promises;
    std::vector<SimParameter> parameters;
};

std::string_view type_name(sim::Parameter::Type type) {
    switch (type) {
        case sim::Parameter::Type::kDuration:
            return "duration";
        case sim::Parameter::Type::kDistribution:
            return "distribution";
        case sim::Parameter::Type::kInteger:
            return "integer";
        case sim::Parameter::Type::kNumber:
            return "number";
        case sim::Parameter::Type::kFlag:
            return "flag";
        case sim::Parameter::Type::kChoice:
            return "choice";
        case sim::Parameter::Type::kNumbers:
            return "numbers";
    }
    return "";
}

std::vector<std::string> choices_of(const SimParameter& described) {
    std::vector<std::string> choices;
    std::string_view rest = described.parameter->choices;
    while (!rest.empty()) {
        const std::size_t bar = rest.find('|');
        choices.emplace_back(rest.substr(0, bar));
        rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
    }
    return choices;
}

std::vector<SimParameter> parameters_of(std::span<const sim::Parameter> parameters) {
    std::vector<SimParameter> described;
    for (const sim::Parameter& parameter : parameters) described.push_back({&parameter});
    return described;
}

std::vector<SimKind> schedulers() {
    std::vector<SimKind> kinds;
    for (const sim::SchedulerKind* kind : sim::scheduler_kinds()) {
        std::vector<std::string> promises;
        if (kind->promises.work_conserving) promises.emplace_back("work_conserving");
        if (kind->promises.weights) promises.emplace_back("weights");
        if (kind->promises.reservations) promises.emplace_back("reservations");
        if (kind->promises.coscheduling) promises.emplace_back("coscheduling");
        kinds.push_back({kind->name, kind->meaning, kind->source, std::move(promises),
                         parameters_of(kind->parameters)});
    }
    return kinds;
}

std::vector<SimKind> workloads() {
    std::vector<SimKind> kinds;
    for (const sim::WorkloadKind* kind : sim::workload_kinds()) {
        kinds.push_back(
            {kind->name, kind->meaning, kind->source, {}, parameters_of(kind->parameters)});
    }
    return kinds;
}

}  // namespace

void bind_sim_kinds(py::module_& module) {
    py::class_<SimParameter>(module, "SimParameter",
                             "A parameter of a scheduler or a workload of the simulator.")
        .def_property_readonly("name", [](const SimParameter& p) { return p.parameter->name; })
        .def_property_readonly(
            "type", [](const SimParameter& p) { return type_name(p.parameter->type); },
            "'duration', 'distribution', 'integer', 'number', 'flag', 'choice' or 'numbers'.")
        .def_property_readonly(
            "meaning", [](const SimParameter& p) { return p.parameter->meaning; }, "With its unit.")
        .def_property_readonly(
            "preset", [](const SimParameter& p) { return p.parameter->preset; },
            "As it would be written; '' if it has to be given, '-' if it may be left out.")
        .def_property_readonly(
            "least", [](const SimParameter& p) { return p.parameter->least; },
            "Of numbers, and of durations in ns.")
        .def_property_readonly("most", [](const SimParameter& p) { return p.parameter->most; })
        .def_property_readonly("choices", &choices_of, "Of a choice.");

    py::class_<SimKind>(module, "SimKind", "A scheduler or a workload of the simulator.")
        .def_readonly("name", &SimKind::name)
        .def_readonly("meaning", &SimKind::meaning, "One sentence.")
        .def_readonly("source", &SimKind::source,
                      "Where it is described; '' if nowhere in particular.")
        .def_readonly("promises", &SimKind::promises,
                      "Of a scheduler: what it keeps of 'work_conserving', 'weights', "
                      "'reservations' and 'coscheduling'.")
        .def_readonly("parameters", &SimKind::parameters);

    module.def("sim_schedulers", &schedulers, "Those there are, by name.");
    module.def("sim_workloads", &workloads, "Those there are, by name.");
}

}  // namespace hvlab::python
