// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/barrier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

std::unique_ptr<Workload> barrier(const std::string& wait, Distribution phase) {
    Values values;
    values.set("phase", phase);
    values.set("wait", wait);
    values.set("spin", 100 * kMicrosecond);
    return make_workload("barrier", values);
}

// The longest of n exponential phases lasts 1 + 1/2 + ... + 1/n of their mean.
TEST(Barrier, APhaseLastsAsLongAsItsLongestPart) {
    for (const std::string wait : {"spin", "block", "spin-then-block"}) {
        const auto workload = barrier(wait, {Shape::kExponential, 1e6});
        FakeGuest guest(*workload, 4, 2);
        guest.run(100 * kSecond);
        EXPECT_NEAR(guest.mean_latency() / 1e6, 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4, 0.03) << wait;
        EXPECT_EQ(guest.open_requests().size(), 1u);
        guest.expect_little();
    }
}

TEST(Barrier, PhasesAreTheSameHoweverTheyWait) {
    std::vector<std::vector<Duration>> latencies;
    for (const std::string wait : {"spin", "block", "spin-then-block"}) {
        const auto workload = barrier(wait, {Shape::kExponential, 1e6});
        FakeGuest guest(*workload, 3, 2);
        guest.run(kSecond);
        latencies.push_back(guest.latencies());
    }
    EXPECT_EQ(latencies[0], latencies[1]);
    EXPECT_EQ(latencies[0], latencies[2]);
}

// The share of time in which a vCPU waits is 1 - 1 / (1 + 1/2 + ... + 1/n).
TEST(Barrier, WaitingIsSpinningOrIdlingOrBoth) {
    const auto share = [](const std::string& wait) {
        const auto workload = barrier(wait, {Shape::kExponential, 1e6});
        FakeGuest guest(*workload, 2, 2);
        guest.run(100 * kSecond);
        return static_cast<double>(guest.spinning()) / (2 * 100.0 * kSecond);
    };
    EXPECT_NEAR(share("spin"), 1.0 / 3, 0.01);
    EXPECT_EQ(share("block"), 0);
    // Of each phase of 1.5 ms on the average, one of the two waits, for at most 0.1 ms.
    EXPECT_NEAR(share("spin-then-block"), (1 - std::exp(-0.1)) / (2 * 1.5), 0.002);
}

TEST(Barrier, OneThatIsHeldUpHoldsUpAll) {
    const auto workload = barrier("spin-then-block", {Shape::kConstant, 1e6});
    FakeGuest guest(*workload, 3);
    guest.run(0);
    guest.preempt(2, true);
    guest.run(kMillisecond);
    EXPECT_TRUE(guest.spins(0) && guest.spins(1) && guest.computes(2));
    guest.run(kMillisecond + 100 * kMicrosecond);
    EXPECT_TRUE(guest.idles(0) && guest.idles(1));
    guest.run(7 * kMillisecond);
    EXPECT_TRUE(guest.latencies().empty());
    guest.preempt(2, false);
    guest.run(8 * kMillisecond);
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{8 * kMillisecond}));
    EXPECT_TRUE(guest.computes(0) && guest.computes(1) && guest.computes(2));
    guest.expect_little();
}

// A timer that was set for an earlier barrier must not end the spinning at a later one.
TEST(Barrier, SpinningBeginsAnewAtEachBarrier) {
    const auto workload = barrier("spin-then-block", {Shape::kUniform, 1e5, 2e5});
    FakeGuest guest(*workload, 4, 7);
    std::vector<Time> since(4, -1);
    guest.after_event = [&](FakeGuest& at) {
        for (int vcpu = 0; vcpu < 4; ++vcpu) {
            Time& began = since[static_cast<std::size_t>(vcpu)];
            if (at.spins(vcpu) && began < 0) began = at.now();
            if (at.idles(vcpu) && began >= 0) {
                EXPECT_EQ(at.now() - began, 100 * kMicrosecond);
            }
            if (!at.spins(vcpu)) began = -1;
        }
    };
    guest.run(kSecond);
    EXPECT_GT(guest.latencies().size(), 1000u);
}

TEST(Barrier, OfOneVcpuNeverWaits) {
    const auto workload = barrier("spin", {Shape::kConstant, 1e6});
    FakeGuest guest(*workload, 1);
    guest.run(kSecond);
    EXPECT_EQ(guest.latencies(), std::vector<Duration>(1000, 1'000'000));
    EXPECT_EQ(guest.spinning(), 0);
}

}  // namespace
}  // namespace hvlab::sim
