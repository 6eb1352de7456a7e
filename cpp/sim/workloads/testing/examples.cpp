// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/testing/examples.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hvlab::sim {
namespace {

Duration duration(const std::string& text) {
    static const std::map<std::string, Duration> kUnits = {
        {"ns", 1},      {"us", kMicrosecond},  {"ms", kMillisecond},
        {"s", kSecond}, {"min", 60 * kSecond}, {"h", 3600 * kSecond},
    };
    std::size_t digits = 0;
    const Duration number = std::stoll(text, &digits);
    return number * kUnits.at(text.substr(digits));
}

constexpr std::string_view kClients = "closed-clients";
constexpr Distribution kShort{Distribution::Shape::kExponential, 5e4};
constexpr Distribution kLong{Distribution::Shape::kExponential, 2e5};

// Values for the parameters that have no presets.
Values example_values(const WorkloadKind& kind) {
    Values values;
    for (const Parameter& parameter : kind.parameters) {
        if (!parameter.preset.empty()) continue;
        const std::string name(parameter.name);
        switch (parameter.type) {
            case Parameter::Type::kDistribution:
                values.set(name, name == "service" || name == "critical" ? kShort : kLong);
                break;
            case Parameter::Type::kNumber:
                values.set(name, name == "rate" ? 30'000.0 : 0.7);
                break;
            case Parameter::Type::kNumbers:
                values.set(name, std::vector<double>{0.3, 0.9, 0});
                break;
            case Parameter::Type::kDuration:
            case Parameter::Type::kInteger:
            case Parameter::Type::kFlag:
            case Parameter::Type::kChoice:
                ADD_FAILURE() << "give " << kind.name << "." << name << " a value here";
        }
    }
    return values;
}

Value parsed(const Parameter& parameter) {
    using Type = Parameter::Type;
    std::string text(parameter.preset);
    switch (parameter.type) {
        case Type::kDuration:
            return duration(text);
        case Type::kInteger:
            return std::int64_t{std::stoll(text)};
        case Type::kNumber:
            return std::stod(text);
        case Type::kFlag:
            EXPECT_TRUE(text == "true" || text == "false") << text;
            return text == "true";
        case Type::kChoice:
            return text;
        case Type::kDistribution:
        case Type::kNumbers:
            break;
    }
    ADD_FAILURE() << "a preset of " << parameter.name;
    return {};
}

}  // namespace

std::unique_ptr<Workload> make_workload(std::string_view name, Values values, int vcpus) {
    const WorkloadKind* kind = find_workload(name);
    if (kind == nullptr) throw ConfigError("workload", std::string(name));
    for (const Parameter& parameter : kind->parameters) {
        if (values.has(parameter.name) || parameter.preset == "-") continue;
        if (parameter.preset.empty()) throw ConfigError(std::string(parameter.name), "missing");
        values.set(std::string(parameter.name), parsed(parameter));
    }
    return kind->make(values, vcpus);
}

std::unique_ptr<Workload> example_workload(std::string_view name, int vcpus) {
    if (name == kClients) {
        Values values = example_values(*find_workload("closed"));
        values.set("clients", std::int64_t{7});
        return make_workload("closed", std::move(values), vcpus);
    }
    const WorkloadKind* kind = find_workload(name);
    return make_workload(name, kind != nullptr ? example_values(*kind) : Values(), vcpus);
}

std::vector<std::string> example_names() {
    std::vector<std::string> names;
    for (const WorkloadKind* kind : workload_kinds()) names.emplace_back(kind->name);
    names.emplace_back(kClients);
    return names;
}

}  // namespace hvlab::sim
