// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "sim/schedulers/eevdf_queue.h"
#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

double seconds(Duration duration) {
    return static_cast<double>(duration) / kSecond;
}

// Wakes every `period` for `busy`.
Script periodic(Duration period, Duration busy) {
    return [=](int, int) { return Burst{.idle = period - busy, .busy = busy}; };
}

TEST(EevdfQueue, TheEarliestDeadlineAmongThoseThatHadNoMoreThanTheirShare) {
    eevdf::Queue queue;
    EXPECT_EQ(queue.first(true), nullptr);
    queue.add({.vcpu = 0, .weight = 1, .time = 0, .deadline = 90});
    queue.add({.vcpu = 1, .weight = 1, .time = 20, .deadline = 80});
    queue.add({.vcpu = 2, .weight = 2, .time = 20, .deadline = 70});  // the mean is 15
    EXPECT_EQ(queue.mean(), 15);
    EXPECT_EQ(queue.first(true)->vcpu, 0);
    queue.current = {.vcpu = 3, .weight = 4, .time = 25, .deadline = 60};  // 20 with this
    EXPECT_EQ(queue.mean(), 20);
    EXPECT_EQ(queue.first(false)->vcpu, 0);
    EXPECT_EQ(queue.first(true)->vcpu, 2);
    EXPECT_EQ(queue.take(2).time, 20);
    EXPECT_EQ(queue.load(), 6);
}

TEST(EevdfQueue, TheMeanIsRoundedDownOnBothSidesOfZero) {
    eevdf::Queue queue;
    queue.add({.vcpu = 0, .weight = 1, .time = -3, .deadline = 0});
    queue.add({.vcpu = 1, .weight = 1, .time = -4, .deadline = 0});
    EXPECT_EQ(queue.mean(), -4);
    EXPECT_EQ(queue.first(false)->vcpu, 1);
}

TEST(EevdfQueue, TimeMayBeginAnew) {
    eevdf::Queue queue;
    queue.current = {.vcpu = 3, .weight = 1, .time = 1000, .deadline = 1100};
    queue.add({.vcpu = 0, .weight = 3, .time = 800, .deadline = 900});
    queue.restart_time();
    EXPECT_EQ(queue.mean(), 0);
    EXPECT_EQ(queue.current.time, 150);
    EXPECT_EQ(queue.current.deadline, 250);
    EXPECT_EQ(queue.ready[0].time, -50);
    EXPECT_EQ(queue.ready[0].deadline, 50);
}

// The theorem that EEVDF is known for: nobody is ever further from its fair share than one slice.
TEST(Eevdf, LagIsBoundedByASlice) {
    std::vector<FakeVm> vms;
    for (int i = 1; i <= 5; ++i) vms.push_back({.weight = 300.0 * i});
    FakeHost host(host_shape(1), vms, make_scheduler(kEevdf));
    double most = 0;
    host.on_instant([&](const FakeHost& is) {
        for (VmId vm = 0; vm < 5; ++vm) {
            const double fair = static_cast<double>(is.now()) * (vm + 1) / 15;
            most = std::max(most, std::abs(static_cast<double>(is.run_time(vm)) - fair));
        }
    });
    host.run_until(20 * kSecond);
    EXPECT_LE(most, 3e6 + 10);
    EXPECT_GE(most, 1e6);
}

TEST(Eevdf, SharesHoldAcrossQueues) {
    struct Case {
        int cores;
        std::vector<double> weights;
        std::vector<double> shares;  // pCPUs
    };
    const Case cases[] = {
        {2, {1024, 1024, 1024}, {2.0 / 3, 2.0 / 3, 2.0 / 3}},
        {4, {1, 1, 1, 1, 1}, {0.8, 0.8, 0.8, 0.8, 0.8}},
        {2, {5, 4, 8}, {10.0 / 17, 8.0 / 17, 16.0 / 17}},
        {3, {100, 200, 300, 400, 500}, {0.2, 0.4, 0.6, 0.8, 1}},
        {2, {10'000, 1, 1, 1}, {1, 1.0 / 3, 1.0 / 3, 1.0 / 3}},  // can't use all it might have
        {1, {1e-6, 3e-6}, {0.25, 0.75}},
        {1, {1e12, 3e12}, {0.25, 0.75}},
    };
    for (const Case& one : cases) {
        std::vector<FakeVm> vms(one.weights.size());
        for (std::size_t vm = 0; vm < vms.size(); ++vm) vms[vm].weight = one.weights[vm];
        FakeHost host(host_shape(one.cores), vms, make_scheduler(kEevdf));
        host.run_until(20 * kSecond);
        for (std::size_t vm = 0; vm < vms.size(); ++vm) {
            EXPECT_NEAR(seconds(host.run_time(static_cast<VmId>(vm))) / 20, one.shares[vm],
                        0.03 * one.shares[vm])
                << one.cores << " cores, VM " << vm;
        }
        EXPECT_LT(host.migrations(), 20 * 100 * one.cores);
    }
}

TEST(Eevdf, WithoutBalancingVcpusStay) {
    const std::vector<FakeVm> vms(3);
    FakeHost host(host_shape(2), vms, make_scheduler(kEevdf, {{"balance", "0s"}}));
    host.run_until(kSecond);
    EXPECT_EQ(host.migrations(), 0);
    EXPECT_EQ(host.run_time(1), kSecond);
}

// One that sleeps mostly comes at once, whoever computes.
TEST(Eevdf, AWakeUpPreempts) {
    const std::vector<FakeVm> vms = {
        {.script = periodic(10 * kMillisecond, 200 * kMicrosecond)}, {}, {}};
    FakeHost at_once(host_shape(1), vms, make_scheduler(kEevdf));
    FakeHost later(host_shape(1), vms, make_scheduler(kEevdf, {{"preempt", "false"}}));
    at_once.run_until(10 * kSecond);
    later.run_until(10 * kSecond);
    EXPECT_GT(later.ledger(0).ready, 3 * at_once.ledger(0).ready);
    // On average it waits for less than one slice.
    EXPECT_LT(at_once.ledger(0).ready, 1000 * 3 * kMillisecond);
}

// Time asleep is not saved up: what it had too little when it went, at most two slices, it gets.
TEST(Eevdf, SleepingEarnsNothing) {
    const auto script = [](int, int burst) {
        return burst == 0 ? Burst{.idle = 0, .busy = 50 * kMillisecond}
                          : Burst{.idle = kSecond, .busy = 100 * kSecond};
    };
    FakeHost host(host_shape(1), {{.script = script}, {}}, make_scheduler(kEevdf));
    host.run_until(kSecond + 100 * kMillisecond);
    const Duration before = host.run_time(0);
    EXPECT_NEAR(seconds(before), 0.05, 0.01);
    host.run_until(2 * kSecond + 100 * kMillisecond);
    EXPECT_NEAR(seconds(host.run_time(0) - before), 0.5, 0.01);
}

TEST(Eevdf, AnIdlePcpuTakesFromTheOthers) {
    // VM 0 leaves its pCPU at 5 ms; no balancing, yet the others spread.
    const auto script = [](int, int burst) {
        return burst == 0 ? Burst{.idle = 0, .busy = 5 * kMillisecond}
                          : Burst{.idle = kSecond * 10};
    };
    FakeHost host(host_shape(2), {{.script = script}, {}, {}},
                  make_scheduler(kEevdf, {{"balance", "0s"}}));
    host.run_until(kSecond);
    EXPECT_EQ(host.run_time(1) + host.run_time(2), 2 * kSecond - 5 * kMillisecond);
}

}  // namespace
}  // namespace hvlab::sim::testing
