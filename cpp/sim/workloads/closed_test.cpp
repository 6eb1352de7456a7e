// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/closed.h"

#include <gtest/gtest.h>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

std::unique_ptr<Workload> closed(Distribution think, Distribution service,
                                 std::int64_t requests = 0) {
    Values values;
    if (requests > 0) values.set("requests", requests);
    values.set("think", think);
    values.set("service", service);
    return make_workload("closed", values);
}

TEST(Closed, ThinksThenAsksThenThinks) {
    const auto workload = closed({Shape::kConstant, 700}, {Shape::kConstant, 300});
    FakeGuest guest(*workload, 2);
    guest.run(699);
    EXPECT_TRUE(guest.arrivals().empty() && guest.idles(0));
    guest.run(700);
    EXPECT_EQ(guest.arrivals(), (std::vector<Time>{700, 700}));
    EXPECT_TRUE(guest.computes(0) && guest.computes(1));
    EXPECT_EQ(guest.open_requests(), (std::vector<Time>{700, 700}));
    guest.run(10'000);
    EXPECT_EQ(guest.latencies(), std::vector<Duration>(20, 300));
    EXPECT_EQ(guest.computing(), 20 * 300);
    guest.expect_little();
}

TEST(Closed, AClientWithAnEndHasDoneAfterItsLastResponse) {
    const auto workload = closed({Shape::kConstant, 700}, {Shape::kConstant, 300}, 4);
    FakeGuest guest(*workload, 3);
    guest.run(3999);
    EXPECT_EQ(guest.latencies().size(), 9u);
    EXPECT_EQ(guest.open_requests().size(), 3u);
    guest.run(100'000);
    EXPECT_EQ(guest.latencies(), std::vector<Duration>(12, 300));
    EXPECT_EQ(guest.arrivals().size(), 12u);
    EXPECT_TRUE(guest.open_requests().empty());
    EXPECT_TRUE(guest.idles(0) && guest.idles(1) && guest.idles(2));
    guest.expect_little();
    EXPECT_EQ(workload->state_size(3), 3 * 24u);
}

// Machine repairman with one repairman: throughput by its closed form.
TEST(Closed, ThroughputIsThatOfTheMachineRepairman) {
    const auto workload = closed({Shape::kExponential, 1e6}, {Shape::kExponential, 1e6});
    constexpr int kClients = 3;
    FakeGuest guest(*workload, kClients, 5, 1.0);
    constexpr Time kEnd = 100 * kSecond;
    guest.run(kEnd);
    // p(n) ~ clients! / (clients - n)!, for n requests in the machine.
    const double idle = 1.0 / (1 + 3 + 6 + 6);
    EXPECT_NEAR(static_cast<double>(guest.latencies().size()), (1 - idle) * kEnd / 1e6, 1000);
    const double present = (3.0 + 2 * 6 + 3 * 6) * idle;
    EXPECT_NEAR(static_cast<double>(guest.presence()) / kEnd, present, 0.02);
    guest.expect_little();
}

// What a vCPU draws does not depend on how the others get on.
TEST(Closed, EachClientHasItsOwnNumbers) {
    const auto workload = closed({Shape::kExponential, 1e6}, {Shape::kExponential, 1e6});
    FakeGuest alone(*workload, 2, 9);
    alone.run(kSecond);
    FakeGuest held(*workload, 2, 9);
    held.run(0);
    held.preempt(1, true);
    held.run(kSecond);
    // All that the first client asked for in the second run it asked for in the first as well.
    std::size_t found = 0;
    for (const Time arrival : alone.arrivals()) {
        if (found < held.arrivals().size() && held.arrivals()[found] == arrival) ++found;
    }
    EXPECT_GT(held.arrivals().size(), 300u);
    EXPECT_EQ(found, held.arrivals().size());
}

TEST(Closed, ClientsLeaveAfterTheirRequests) {
    Values values;
    values.set("think", Distribution{Shape::kExponential, 1e6});
    values.set("service", Distribution{Shape::kExponential, 1e6});
    values.set("requests", std::int64_t{10});
    const auto workload = make_workload("closed", values, 3);
    EXPECT_EQ(workload->state_size(3), 3 * 24u);
    FakeGuest guest(*workload, 3);
    guest.run(kSecond);
    EXPECT_EQ(guest.latencies().size(), 30u);
    EXPECT_TRUE(guest.open_requests().empty());
    guest.expect_little();
}

TEST(Closed, StateIsSixteenBytesAClient) {
    const auto workload = closed({Shape::kConstant, 1}, {Shape::kConstant, 1});
    EXPECT_EQ(workload->state_size(1), 16u);
    EXPECT_EQ(workload->state_size(64), 1024u);
}

}  // namespace
}  // namespace hvlab::sim
