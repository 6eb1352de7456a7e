// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/constant.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

std::unique_ptr<Workload> constant(double utilisation, bool stagger) {
    Values values;
    values.set("utilisation", utilisation);
    values.set("stagger", stagger);
    return make_workload("constant", values);
}

TEST(Constant, WorksAtTheStartOfEachPeriod) {
    const auto workload = constant(0.3, false);
    FakeGuest guest(*workload, 2);
    guest.run(10 * kMillisecond - 1);
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{3 * kMillisecond, 3 * kMillisecond}));
    EXPECT_TRUE(guest.idles(0));
    guest.run(kSecond - 1);
    EXPECT_EQ(guest.computing(), 2 * 300 * kMillisecond);
    EXPECT_EQ(guest.latencies().size(), 200u);
    guest.expect_little();
}

TEST(Constant, StartsPeriodsAtRandomInstants) {
    const auto workload = constant(0.5, true);
    FakeGuest guest(*workload, 400);
    guest.run(10 * kMillisecond);
    double sum = 0;
    for (std::size_t i = 0; i < 400; ++i) sum += static_cast<double>(guest.arrivals()[i]);
    EXPECT_NEAR(sum / 400, 5e6, 4 * 1e7 / std::sqrt(12 * 400.0));
    guest.run(kSecond);
    EXPECT_NEAR(static_cast<double>(guest.computing()) / (400.0 * kSecond), 0.5, 0.005);
    guest.expect_little();
}

// It wants 0.6 of a pCPU and has half a one: the work of missed periods is not forgotten.
TEST(Constant, MakesUpForMissedPeriods) {
    const auto workload = constant(0.6, false);
    FakeGuest guest(*workload, 1, 1, 0.5);
    guest.run(600 * kMillisecond);
    EXPECT_EQ(guest.arrivals().size(), 61u);
    EXPECT_EQ(guest.latencies().size(), 50u);  // 300 ms of work done, 6 ms each
    EXPECT_EQ(guest.latencies().front(), 12 * kMillisecond);
    EXPECT_EQ(guest.latencies().back(), 600 * kMillisecond - 490 * kMillisecond);
    EXPECT_EQ(guest.open_requests().front(), 500 * kMillisecond);
    guest.expect_little();
}

TEST(Constant, AtOneIsAlwaysBusy) {
    const auto workload = constant(1, true);
    EXPECT_EQ(workload->state_size(8), 0u);
    FakeGuest guest(*workload, 2);
    guest.run(10'000 * kSecond);
    EXPECT_EQ(guest.computing(), 2 * 10'000 * kSecond);
    EXPECT_TRUE(guest.arrivals().empty());
}

TEST(Constant, TheLeastIsANanosecond) {
    const auto workload = constant(1e-6, false);
    FakeGuest guest(*workload, 1);
    guest.run(kSecond - 1);
    EXPECT_EQ(guest.computing(), 100 * 10);
    EXPECT_EQ(guest.latencies().back(), 10);
}

}  // namespace
}  // namespace hvlab::sim
