// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every workload under every policy.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::policy;
using testing::QuantumFixture;

Distribution exponential(double mean) {
    return {Distribution::Shape::kExponential, mean};
}

// Values for the parameters that have no presets.
Values some_values(const WorkloadKind& kind) {
    Values values;
    for (const Parameter& parameter : kind.parameters) {
        const std::string name(parameter.name);
        if (!parameter.preset.empty()) {
            if (parameter.preset != "-") values.set(name, testing::preset(parameter));
        } else if (parameter.type == Parameter::Type::kDistribution) {
            values.set(name, exponential(name == "service" || name == "critical" ? 5e4 : 2e5));
        } else if (parameter.type == Parameter::Type::kNumbers) {
            values.set(name, std::vector<double>{0.3, 0.9, 0});
        } else {
            values.set(name, name == "rate" ? 3'000.0 : 0.7);
        }
    }
    return values;
}

class QuantumWorkloads
    : public ::testing::TestWithParam<std::tuple<const WorkloadKind*, const SchedulerKind*>> {};

TEST_P(QuantumWorkloads, NoTimeAndNoRequestIsLost) {
    const auto& [workload_kind, scheduler_kind] = GetParam();
    const auto workload = workload_kind->make(some_values(*workload_kind), 3);
    QuantumFixture fixture(3);
    fixture.group.threads = 2;
    fixture.options.warmup = 3'333'333;
    VmGroup vm;
    vm.vcpus = 3;
    for (int i = 0; i < 4; ++i) fixture.add(*workload, vm);
    fixture.run(policy(scheduler_kind->name), 0);
    for (int step = 1; step <= 20; ++step) {
        fixture.run(step * 5'123'457);
        fixture.expect_conservation();
        if (HasFailure()) return;
    }
    const VmLedger all = fixture.all();
    EXPECT_GT(all.run, 0);
}

std::string name_of(const ::testing::TestParamInfo<QuantumWorkloads::ParamType>& test) {
    std::string name(std::get<0>(test.param)->name);
    name += "_";
    name += std::get<1>(test.param)->name;
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(
    All, QuantumWorkloads,
    ::testing::Combine(::testing::ValuesIn(workload_kinds().begin(), workload_kinds().end()),
                       ::testing::ValuesIn(scheduler_kinds().begin(), scheduler_kinds().end())),
    name_of);

}  // namespace
}  // namespace hvlab::sim
