// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

// How far the vCPUs of the VM that run are ahead of its slowest that wants to.
Duration skew_of_running(const FakeHost& host, VmId vm) {
    const VmFacts& is = host.vms()[static_cast<std::size_t>(vm)];
    Duration slowest = std::numeric_limits<Duration>::max();
    Duration fastest = 0;
    bool any = false;
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        const VcpuState state = host.vcpus()[static_cast<std::size_t>(vcpu)].state;
        if (state == VcpuState::kIdle) continue;
        slowest = std::min(slowest, host.progress(vcpu));
        if (state != VcpuState::kRunning) continue;
        any = true;
        fastest = std::max(fastest, host.progress(vcpu));
    }
    return any ? fastest - slowest : 0;
}

// The greatest, looked at each millisecond and after each instant.
Duration greatest_skew(FakeHost& host, VmId vm, Time end) {
    Duration greatest = 0;
    const auto look = [&](const FakeHost& is) {
        greatest = std::max(greatest, skew_of_running(is, vm));
    };
    host.on_instant(look);
    for (Time time = kMillisecond; time <= end; time += kMillisecond) {
        host.run_until(time);
        look(host);
    }
    return greatest;
}

// A VM of four vCPUs beside others that keep the four pCPUs busy.
std::vector<FakeVm> crowd() {
    return {{.vcpus = 4}, {.vcpus = 2}, {.vcpus = 1}, {.vcpus = 1}};
}

TEST(Esx, NoVcpuRunsAheadFurtherThanItMay) {
    FakeHost host(host_shape(4), crowd(), make_scheduler(kEsx));
    EXPECT_LE(greatest_skew(host, 0, 5 * kSecond), 4 * kMillisecond);
    EXPECT_GT(host.ledger(0).costop, 0);

    // Not by luck: with a greater threshold it does.
    FakeHost loose(host_shape(4), crowd(), make_scheduler(kEsx, {{"skew", "40ms"}}));
    EXPECT_GT(greatest_skew(loose, 0, 5 * kSecond), 20 * kMillisecond);
}

TEST(Esx, TheSlowestIsNeverCostopped) {
    FakeHost host(host_shape(2), {{.vcpus = 3}, {.vcpus = 2}}, make_scheduler(kEsx));
    host.on_instant([](const FakeHost& is) {
        EXPECT_FALSE(is.held(0) && is.held(1) && is.held(2)) << is.now();
    });
    host.run_until(5 * kSecond);
    // Each of the three gets its part.
    const auto vcpus = host.vcpus();
    for (VcpuId vcpu = 0; vcpu < 3; ++vcpu) {
        EXPECT_NEAR(static_cast<double>(vcpus[static_cast<std::size_t>(vcpu)].ran) / kSecond,
                    5.0 / 3, 0.1);
    }
}

TEST(Esx, VmsOfOneVcpuAreNeverCostopped) {
    FakeHost host(host_shape(2), {{}, {}, {}, {}}, make_scheduler(kEsx));
    host.run_until(kSecond);
    for (VmId vm = 0; vm < 4; ++vm) EXPECT_EQ(host.ledger(vm).costop, 0);
}

TEST(Esx, IdleSiblingsCostNothing) {
    const std::vector<FakeVm> vms = {
        {.vcpus = 4,
         .script = [](int vcpu, int) { return vcpu == 0 ? Burst{} : Burst{.idle = kNever}; }},
        {.vcpus = 2}};
    FakeHost host(host_shape(2), vms, make_scheduler(kEsx));
    host.run_until(kSecond);
    EXPECT_EQ(host.ledger(0).costop, 0);
    EXPECT_NEAR(static_cast<double>(host.run_time(0)) / kSecond, 1, 0.06);
}

TEST(Esx, CostoppedVcpusGoOnWhenTheSlowestHasNothingToDo) {
    // One computes always, the other for 30 ms in 60, on one pCPU.
    const std::vector<FakeVm> vms = {{.vcpus = 2, .script = [](int vcpu, int) {
                                          return vcpu == 0 ? Burst{}
                                                           : Burst{.idle = 30 * kMillisecond,
                                                                   .busy = 5 * kMillisecond};
                                      }}};
    FakeHost host(host_shape(1), vms, make_scheduler(kEsx));
    host.on_instant([](const FakeHost& is) { EXPECT_FALSE(is.held(0) && is.held(1)); });
    host.run_until(10 * kSecond);
    const FakeLedger got = host.ledger(0);
    EXPECT_EQ(got.run, 10 * kSecond) << "the pCPU was free";
}

TEST(Esx, OneThatSleepsMostlyIsServedAtOnce) {
    const Script periodic = [](int, int) {
        return Burst{.idle = 19 * kMillisecond, .busy = kMillisecond};
    };
    FakeHost host(host_shape(1), {{.script = periodic}, {}, {}}, make_scheduler(kEsx));
    host.run_until(10 * kSecond);
    EXPECT_LT(host.ledger(0).ready, host.ledger(0).run / 5);
}

TEST(Esx, RefusesToCostartBeforeItCostops) {
    EXPECT_THROW(make_scheduler(kEsx, {{"skew", "1ms"}, {"costart", "2ms"}}), ConfigError);
}

}  // namespace
}  // namespace hvlab::sim::testing
