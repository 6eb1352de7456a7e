// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

// Wakes every `period` for `busy`.
Script periodic(Duration period, Duration busy) {
    return [=](int, int) { return Burst{.idle = period - busy, .busy = busy}; };
}

TEST(Credit2, OneThatSleepsMostlyTakesThePlaceOfOneThatComputes) {
    const std::vector<FakeVm> vms = {{.script = periodic(20 * kMillisecond, kMillisecond)}, {}, {}};
    FakeHost host(host_shape(1), vms, make_scheduler(kCredit2));
    host.run_until(10 * kSecond);
    // Waits for the rate limit at most, not for its turn among three.
    const FakeLedger sleeper = host.ledger(0);
    EXPECT_NEAR(static_cast<double>(sleeper.run) / kSecond, 0.5, 0.03);
    EXPECT_LT(sleeper.ready, sleeper.run / 2);
}

TEST(Credit2, TheRateLimitLetsAVcpuRunOn) {
    const std::vector<FakeVm> vms = {{.script = periodic(2 * kMillisecond, 100 * kMicrosecond)},
                                     {}};
    FakeHost often(host_shape(1), vms, make_scheduler(kCredit2, {{"ratelimit", "0us"}}));
    FakeHost seldom(host_shape(1), vms, make_scheduler(kCredit2, {{"ratelimit", "10ms"}}));
    often.run_until(10 * kSecond);
    seldom.run_until(10 * kSecond);
    EXPECT_GT(often.switches(), 3 * seldom.switches());
    EXPECT_LT(often.ledger(0).ready * 5, seldom.ledger(0).ready);
}

TEST(Credit2, ResistsMigration) {
    const std::vector<FakeVm> vms(3);
    FakeHost loose(host_shape(2), vms, make_scheduler(kCredit2, {{"migrate_resist", "0us"}}));
    FakeHost sticky(host_shape(2), vms, make_scheduler(kCredit2, {{"migrate_resist", "5ms"}}));
    loose.run_until(10 * kSecond);
    sticky.run_until(10 * kSecond);
    EXPECT_LT(sticky.migrations(), loose.migrations());
    for (VmId vm = 0; vm < 3; ++vm) {
        EXPECT_NEAR(static_cast<double>(sticky.run_time(vm)) / kSecond, 20.0 / 3, 0.3);
    }
}

// Two sockets, all VMs home on the first: some must move for the load to be the same on both.
TEST(Credit2, BalancesRunQueues) {
    const std::vector<FakeVm> vms(8);
    FakeHost host(host_shape(2, 1, 2), vms, make_scheduler(kCredit2));
    host.run_until(10 * kSecond);
    for (VmId vm = 0; vm < 8; ++vm) {
        EXPECT_NEAR(static_cast<double>(host.run_time(vm)) / kSecond, 5, 0.5) << vm;
    }
}

TEST(Credit2, MovesNoMoreThanTheDifference) {
    // 20 at home on one socket, 4 on the other: 8 must move, and none back.
    std::vector<FakeVm> vms(24);
    for (std::size_t vm = 20; vm < 24; ++vm) vms[vm].home = 1;
    FakeHost host(host_shape(2, 1, 2), vms, make_scheduler(kCredit2));
    std::vector<int> socket(24, kNone);
    int moves = 0;
    host.on_instant([&](const FakeHost& is) {
        for (std::size_t vcpu = 0; vcpu < 24; ++vcpu) {
            const PcpuId pcpu = is.vcpus()[vcpu].pcpu;
            if (pcpu == kNone) continue;
            const int now = is.topology().socket(pcpu);
            const int before = std::exchange(socket[vcpu], now);
            moves += before == kNone || before == now ? 0 : 1;
        }
    });
    host.run_until(10 * kSecond);
    EXPECT_LE(moves, 12);
    EXPECT_NEAR(static_cast<double>(host.run_time(0)) / kSecond, 40.0 / 24, 0.3);
}

TEST(Credit2, EachQueueServesItsOwnPcpus) {
    const std::vector<FakeVm> vms(8);
    FakeHost cores(host_shape(4), vms, make_scheduler(kCredit2, {{"runqueue", "core"}}));
    cores.run_until(10 * kSecond);
    for (VmId vm = 0; vm < 8; ++vm) {
        EXPECT_NEAR(static_cast<double>(cores.run_time(vm)) / kSecond, 5, 0.5) << vm;
    }
    EXPECT_LE(cores.migrations(), 16);
}

TEST(Credit2, WeightsHoldWhereTheyAreFarApart) {
    const std::vector<FakeVm> vms = {{.weight = 20}, {.weight = 1}};
    FakeHost host(host_shape(1), vms, make_scheduler(kCredit2));
    host.run_until(100 * kSecond);
    EXPECT_NEAR(static_cast<double>(host.run_time(1)) / kSecond, 100.0 / 21, 0.3);
}

}  // namespace
}  // namespace hvlab::sim::testing
