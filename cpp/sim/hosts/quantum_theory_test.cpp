// SPDX-License-Identifier: GPL-2.0-or-later
//
// Against queueing theory.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::policy;
using testing::QuantumFixture;

constexpr double kThink = 4e6;    // ns, mean
constexpr double kService = 1e6;  // the same

// The mean response time of `clients` who think and ask, both for exponential times, at `servers`:
// the machine repairman model, M/M/c//N. It is the same for first come, first served and for
// processor sharing.
double mean_response(int clients, int servers) {
    double probability = 1;
    double sum = 0;
    double in_system = 0;
    double throughput = 0;
    for (int k = 0; k <= clients; ++k) {
        if (k > 0) {
            probability *= (clients - k + 1) / kThink / (std::min(k, servers) / kService);
        }
        sum += probability;
        in_system += k * probability;
        throughput += probability * std::min(k, servers) / kService;
    }
    return in_system / sum / (throughput / sum);
}

struct Case {
    int cores;
    int vms;
    const char* scheduler;
    Duration slice;
};

class QuantumTheory : public ::testing::TestWithParam<Case> {};

// 100 s are some 10^5 requests or more: within 2 % of the mean.
TEST_P(QuantumTheory, MeanResponseOfTheMachineRepairman) {
    const Case& one = GetParam();
    Values values;
    values.set("think", Distribution{Distribution::Shape::kExponential, kThink});
    values.set("service", Distribution{Distribution::Shape::kExponential, kService});
    const auto workload = find_workload("closed")->make(values, 1);
    QuantumFixture fixture(one.cores);
    fixture.group.context_switch = 0;
    fixture.group.migration = 0;
    fixture.options.warmup = kSecond;
    for (int i = 0; i < one.vms; ++i) fixture.add(*workload);
    fixture.run(policy(one.scheduler, {{"slice", one.slice}}), 100 * kSecond);
    const VmLedger all = fixture.all();
    const double mean = static_cast<double>(all.latency) / static_cast<double>(all.responses);
    const double expected = mean_response(one.vms, one.cores);
    EXPECT_NEAR(mean, expected, 0.02 * expected) << all.responses << " responses";
    fixture.expect_conservation();
}

INSTANTIATE_TEST_SUITE_P(
    All, QuantumTheory,
    ::testing::Values(Case{1, 1, "round-robin", kSecond},            // no waiting at all
                      Case{1, 6, "round-robin", kSecond},            // first come, first served
                      Case{1, 6, "round-robin", 50 * kMicrosecond},  // processor sharing
                      Case{4, 20, "round-robin", kSecond},           //
                      Case{4, 20, "eevdf", 50 * kMicrosecond}),
    [](const auto& test) {
        const Case& one = test.param;
        return std::string(one.scheduler == std::string("eevdf") ? "eevdf" : "round_robin") + "_" +
               std::to_string(one.cores) + "_" + std::to_string(one.vms) + "_" +
               std::to_string(one.slice / kMicrosecond) + "us";
    });

}  // namespace
}  // namespace hvlab::sim
