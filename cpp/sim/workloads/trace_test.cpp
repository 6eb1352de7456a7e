// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/trace.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

Values values(std::vector<double> utilisation) {
    Values values;
    values.set("utilisation", std::move(utilisation));
    values.set("step", 100 * kMillisecond);
    values.set("stagger", false);
    return values;
}

// Work done in each of the first `steps` steps, over their length.
std::vector<double> steps_of(FakeGuest& guest, int steps) {
    std::vector<double> shares;
    Duration before = guest.computing();
    for (int i = 1; i <= steps; ++i) {
        guest.run(guest.now() + 100 * kMillisecond);
        shares.push_back(static_cast<double>(guest.computing() - before) / (100 * kMillisecond));
        before = guest.computing();
    }
    return shares;
}

TEST(Trace, FollowsTheNumbersAndBeginsAgain) {
    const auto workload = make_workload("trace", values({0.2, 0, 0, 1, 0.5, 0}));
    FakeGuest guest(*workload, 1);
    const std::vector<double> once = {0.2, 0, 0, 1, 0.5, 0};
    EXPECT_EQ(steps_of(guest, 6), once);
    EXPECT_EQ(steps_of(guest, 6), once);
    guest.expect_little();
}

TEST(Trace, EndsWhereItDoesNotRepeat) {
    Values parameters = values({0, 0.2, 0.4, 0});
    parameters.set("repeat", false);
    const auto workload = make_workload("trace", parameters);
    FakeGuest guest(*workload, 2);
    EXPECT_EQ(steps_of(guest, 6), (std::vector<double>{0, 0.4, 0.8, 0, 0, 0}));
    EXPECT_EQ(guest.latencies().size(), 40u);
    EXPECT_TRUE(guest.open_requests().empty());
    guest.expect_little();
}

// Late work is done after the end, and is open until then.
TEST(Trace, WorkOutlastsTheTraceWherePcpusAreScarce) {
    Values parameters = values({1, 1});
    parameters.set("repeat", false);
    const auto workload = make_workload("trace", parameters);
    FakeGuest guest(*workload, 1, 1, 0.5);
    guest.run(300 * kMillisecond);
    EXPECT_EQ(guest.open_requests().size(), 5u);
    guest.expect_little();
    guest.run(kSecond);
    EXPECT_EQ(guest.latencies().size(), 20u);
    EXPECT_TRUE(guest.open_requests().empty());
    guest.expect_little();
}

TEST(Trace, OfNothingIsIdle) {
    const auto workload = make_workload("trace", values({0, 0}));
    FakeGuest guest(*workload, 1);
    guest.run(10'000 * kSecond);
    EXPECT_EQ(guest.computing(), 0);
}

TEST(Trace, ShiftedVmsBeginAnywhere) {
    Values parameters = values({1, 0, 0, 0});
    parameters.set("shift", true);
    parameters.set("stagger", true);
    const auto workload = make_workload("trace", parameters);
    int busy = 0;
    constexpr int kVms = 2000;
    for (int seed = 1; seed <= kVms; ++seed) {
        FakeGuest guest(*workload, 1, static_cast<std::uint64_t>(seed));
        guest.run(50 * kMillisecond);
        busy += guest.computes(0) ? 1 : 0;
        guest.run(850 * kMillisecond);
        guest.expect_little();
    }
    EXPECT_NEAR(busy, kVms / 4.0, 4 * 20);
}

TEST(Trace, RefusesNonsense) {
    const auto field = [](const Values& wrong) -> std::string {
        try {
            make_workload("trace", wrong);
        } catch (const ConfigError& error) {
            return error.field();
        }
        return "none";
    };
    EXPECT_EQ(field(values({})), "utilisation");
    EXPECT_EQ(field(values({0.5, 1.5})), "utilisation");
    EXPECT_EQ(field(values({-0.1})), "utilisation");
    EXPECT_EQ(field(values({std::numeric_limits<double>::quiet_NaN()})), "utilisation");
    Values wrong = values({0.5});
    wrong.set("step", 101 * kMillisecond);
    EXPECT_EQ(field(wrong), "step");
    wrong = values({0.5});
    wrong.set("repeat", false);
    wrong.set("shift", true);
    EXPECT_EQ(field(wrong), "shift");
    wrong = values(std::vector<double>(1001, 0.5));
    wrong.set("step", 1'000'000 * kSecond);
    EXPECT_EQ(field(wrong), "step");
    EXPECT_EQ(field(values({0.5})), "none");
}

}  // namespace
}  // namespace hvlab::sim
