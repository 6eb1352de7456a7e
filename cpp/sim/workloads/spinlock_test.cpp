// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/spinlock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

Values values(const std::string& lock, Distribution work, Distribution critical) {
    Values values;
    values.set("lock", lock);
    values.set("work", work);
    values.set("critical", critical);
    values.set("handoff", Duration{1});
    return values;
}

// A closed network of a delay and one server, whose time includes the handoff: with exponential
// times the throughput is that of the machine repairman.
TEST(Spinlock, ThroughputIsThatOfTheMachineRepairman) {
    for (const std::string lock : {"ticket", "unfair"}) {
        const auto workload = make_workload(
            "spinlock", values(lock, {Shape::kExponential, 1e6}, {Shape::kExponential, 1e6}));
        FakeGuest guest(*workload, 3, 4);
        guest.run(100 * kSecond);
        EXPECT_NEAR(static_cast<double>(guest.latencies().size()), 1e5 * 15 / 16, 1500) << lock;
        guest.expect_little();
    }
}

TEST(Spinlock, WithoutContentionNobodyWaits) {
    const auto workload = make_workload(
        "spinlock", values("ticket", {Shape::kConstant, 900}, {Shape::kConstant, 100}));
    FakeGuest guest(*workload, 1);
    guest.run(kMillisecond);
    EXPECT_EQ(guest.latencies(), std::vector<Duration>(1000, 0));
    EXPECT_EQ(guest.spinning(), 0);
}

TEST(Spinlock, SpinsWhileAnotherHoldsIt) {
    const auto workload = make_workload(
        "spinlock", values("ticket", {Shape::kConstant, 1000}, {Shape::kConstant, 5000}));
    FakeGuest guest(*workload, 2);
    guest.run(1000);
    EXPECT_TRUE(guest.computes(0) && guest.spins(1));
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{0}));
    EXPECT_EQ(guest.open_requests(), (std::vector<Time>{1000}));
    guest.run(6001);  // the lock is free at 6000, which takes the other 1 ns to find
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{0, 5001}));
    EXPECT_EQ(guest.spinning(), 5000);
    guest.expect_little();
}

// The problem itself: the holder loses its pCPU, and the others burn theirs.
TEST(Spinlock, WhoHoldsItWithoutAPcpuHoldsUpAll) {
    const auto workload = make_workload(
        "spinlock", values("unfair", {Shape::kConstant, 1000}, {Shape::kConstant, 5000}));
    FakeGuest guest(*workload, 3);
    guest.run(1000);
    guest.preempt(0, true);
    guest.run(kMillisecond);
    EXPECT_TRUE(guest.spins(1) && guest.spins(2));
    EXPECT_EQ(guest.latencies().size(), 1u);
    EXPECT_EQ(guest.spinning(), 2 * (kMillisecond - 1000));
    guest.preempt(0, false);
    guest.run(2 * kMillisecond);
    EXPECT_GT(guest.latencies().size(), 100u);
    guest.expect_little();
}

// And the next one of ticket locks: who is in order has no pCPU, and the lock lies idle.
TEST(Spinlock, ATicketHolderWithoutAPcpuHoldsUpAllButOfUnfairLocksNobody) {
    for (const std::string lock : {"ticket", "unfair"}) {
        const auto workload = make_workload(
            "spinlock", values(lock, {Shape::kConstant, 1000}, {Shape::kConstant, 5000}));
        FakeGuest guest(*workload, 3);
        guest.run(2000);
        ASSERT_TRUE(guest.computes(0) && guest.spins(1) && guest.spins(2));
        guest.preempt(1, true);
        guest.run(10 * kMillisecond);
        const std::size_t taken = guest.latencies().size();
        if (lock == "ticket") {
            EXPECT_EQ(taken, 1u);
        } else {
            EXPECT_GT(taken, 1000u);
        }
        guest.expect_little();
    }
}

TEST(Spinlock, TicketsAreServedInOrder) {
    const auto workload = make_workload(
        "spinlock", values("ticket", {Shape::kExponential, 1e5}, {Shape::kExponential, 1e5}));
    FakeGuest guest(*workload, 5, 3);
    std::size_t seen = 0;
    Time last = -1;
    guest.after_event = [&](FakeGuest& at) {
        for (; seen < at.latencies().size(); ++seen) {
            const Time asked = at.now() - at.latencies()[seen];
            EXPECT_GE(asked, last);
            last = asked;
        }
    };
    guest.run(kSecond);
    EXPECT_GT(seen, 5000u);
}

// All always compete: each holds it for about the same time, as the race is by chance.
TEST(Spinlock, NobodyIsPreferredByItsNumber) {
    Values parameters = values("unfair", {Shape::kConstant, 2'000}, {Shape::kConstant, 10'000});
    parameters.set("handoff", Duration{1000});
    const auto workload = make_workload("spinlock", parameters);
    FakeGuest guest(*workload, 4, 3);
    std::vector<int> held(4);
    for (int i = 1; i <= 50'000; ++i) {
        guest.run(i * 997);
        int computing = 0;
        int last = 0;
        for (int vcpu = 0; vcpu < 4; ++vcpu) {
            if (!guest.computes(vcpu)) continue;
            ++computing;
            last = vcpu;
        }
        if (computing == 1) ++held[static_cast<std::size_t>(last)];  // the others spin
    }
    EXPECT_GT(*std::min_element(held.begin(), held.end()), 5000);
    EXPECT_LT(*std::max_element(held.begin(), held.end()), 12'000);
    guest.expect_little();
}

TEST(Spinlock, ParavirtualWaitersBlockAndAreWoken) {
    for (const std::string lock : {"ticket", "unfair"}) {
        Values parameters = values(lock, {Shape::kConstant, 1000}, {Shape::kConstant, 200'000});
        parameters.set("paravirtual", true);
        const auto workload = make_workload("spinlock", parameters);
        FakeGuest guest(*workload, 3);
        guest.run(1000);
        EXPECT_TRUE(guest.spins(1) && guest.spins(2)) << lock;
        guest.run(1000 + 50'000);
        EXPECT_TRUE(guest.idles(1) && guest.idles(2)) << lock;
        guest.run(201'001);
        EXPECT_EQ(guest.latencies(), (std::vector<Duration>{0, 200'001})) << lock;
        EXPECT_TRUE(guest.computes(1) && guest.idles(2)) << lock;
        guest.run(kSecond);
        EXPECT_NEAR(static_cast<double>(guest.latencies().size()), 5000, 40) << lock;
        guest.expect_little();
    }
}

// Whatever is preempted when, the lock is never lost: all go on once they have pCPUs.
TEST(Spinlock, IsNeverLost) {
    for (const std::string lock : {"ticket", "unfair"}) {
        for (const bool paravirtual : {false, true}) {
            Values parameters =
                values(lock, {Shape::kExponential, 2e4}, {Shape::kExponential, 1e4});
            parameters.set("paravirtual", paravirtual);
            parameters.set("spin", 5 * kMicrosecond);
            parameters.set("handoff", Duration{300});
            const auto workload = make_workload("spinlock", parameters);
            FakeGuest guest(*workload, 6, 11);
            Stream chance(3);
            for (int i = 1; i <= 2000; ++i) {
                guest.run(i * 10 * kMicrosecond);
                guest.preempt(static_cast<int>(chance.bits() % 6), chance.bits() % 2 == 0);
                guest.expect_little();
            }
            for (int vcpu = 0; vcpu < 6; ++vcpu) guest.preempt(vcpu, false);
            const std::size_t before = guest.latencies().size();
            guest.run(guest.now() + 100 * kMillisecond);
            EXPECT_GT(guest.latencies().size(), before + 5000) << lock << paravirtual;
            guest.expect_little();
        }
    }
}

}  // namespace
}  // namespace hvlab::sim
