// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

Script bursts(Duration idle, Duration busy) {
    // Each vCPU at a pace of its own.
    return [=](int vcpu, int burst) {
        return Burst{.idle = idle + (vcpu * 7 + burst * 3) % 11 * kMillisecond / 4,
                     .busy = busy + (vcpu * 5 + burst * 2) % 7 * kMillisecond / 4};
    };
}

// Counts the instants at which some, but not all, of a VM's vCPUs that want to run do.
int torn_gangs(const FakeHost& host) {
    int torn = 0;
    for (const VmFacts& vm : host.vms()) {
        int ready = 0;
        int running = 0;
        for (VcpuId vcpu = vm.first; vcpu < vm.first + vm.vcpus; ++vcpu) {
            const VcpuState state = host.vcpus()[static_cast<std::size_t>(vcpu)].state;
            ready += state == VcpuState::kReady ? 1 : 0;
            running += state == VcpuState::kRunning ? 1 : 0;
        }
        torn += ready > 0 && running > 0 ? 1 : 0;
    }
    return torn;
}

class GangOrNot : public ::testing::TestWithParam<bool> {};

TEST_P(GangOrNot, AllThatWantRunOrNone) {
    const std::vector<FakeVm> vms = {{.vcpus = 4, .script = bursts(3 * kMillisecond, kMillisecond)},
                                     {.vcpus = 3},
                                     {.vcpus = 2, .script = bursts(kMillisecond, 9 * kMillisecond)},
                                     {.vcpus = 2, .limit = 0.7},
                                     {.vcpus = 1, .pcpus = {2}},
                                     {.vcpus = 2, .pcpus = {1, 2, 3}}};
    FakeHost host(host_shape(4), vms,
                  make_scheduler(kGang, {{"alternate", GetParam() ? "true" : "false"}}));
    int torn = 0;
    host.on_instant([&](const FakeHost& is) { torn += torn_gangs(is); });
    host.run_until(20 * kSecond);
    EXPECT_EQ(torn, 0);
    EXPECT_GT(host.instants(), 5000);
    for (VmId vm = 0; vm < 6; ++vm) EXPECT_GT(host.run_time(vm), kSecond / 10) << vm;
}
INSTANTIATE_TEST_SUITE_P(Gang, GangOrNot, ::testing::Bool(), ::testing::PrintToStringParamName());

TEST(Gang, APolicyThatTearsGangsIsSeen) {
    FakeHost host(host_shape(2), {{.vcpus = 2}, {.vcpus = 1}}, make_scheduler(kRoundRobin));
    int torn = 0;
    host.on_instant([&](const FakeHost& is) { torn += torn_gangs(is); });
    host.run_until(kSecond);
    EXPECT_GT(torn, 0);
}

TEST(Gang, PacksWholeGangsOnlyAndTheRestIsCostop) {
    // Three gangs of 3 on 4 pCPUs: one at a time, one pCPU stays free.
    FakeHost host(host_shape(4), {{.vcpus = 3}, {.vcpus = 3}, {.vcpus = 3}}, make_scheduler(kGang));
    host.run_until(3 * kSecond);
    for (VmId vm = 0; vm < 3; ++vm) {
        const FakeLedger got = host.ledger(vm);
        EXPECT_NEAR(static_cast<double>(got.run) / kSecond, 3, 0.04);
        EXPECT_EQ(got.ready, 0);
        EXPECT_EQ(got.costop, 9 * kSecond - got.run);
    }
}

TEST(Gang, WaitingForATurnOnAFullHostIsReadyTime) {
    FakeHost host(host_shape(4), {{.vcpus = 4}, {.vcpus = 4}}, make_scheduler(kGang));
    host.run_until(kSecond);
    EXPECT_EQ(host.ledger(0).costop, 0);
    EXPECT_EQ(host.ledger(0).ready, 2 * kSecond);
}

TEST(Gang, AlternatesStartWithinASlot) {
    // One VM has a pCPU from the start; the other, which fits beside it, wakes after 3 ms.
    const std::vector<FakeVm> vms = {{.vcpus = 1}, {.vcpus = 2, .script = [](int, int) {
                                                        return Burst{.idle = 3 * kMillisecond};
                                                    }}};
    FakeHost with(host_shape(3), vms, make_scheduler(kGang));
    FakeHost without(host_shape(3), vms, make_scheduler(kGang, {{"alternate", "false"}}));
    with.run_until(20 * kMillisecond);
    without.run_until(20 * kMillisecond);
    EXPECT_EQ(with.run_time(1), 2 * 17 * kMillisecond);
    EXPECT_EQ(without.run_time(1), 2 * 10 * kMillisecond);
    EXPECT_EQ(without.ledger(1).costop, 2 * 7 * kMillisecond);
}

TEST(Gang, AVcpuThatWakesWithoutAPcpuStopsItsGang) {
    // Two of three run; the third wakes after 2 ms, while another VM has the third pCPU.
    const std::vector<FakeVm> vms = {
        {.vcpus = 3,
         .script = [](int vcpu, int) { return Burst{.idle = vcpu == 2 ? 2 * kMillisecond : 0}; }},
        {.vcpus = 1}};
    FakeHost host(host_shape(3), vms, make_scheduler(kGang));
    host.run_until(9 * kMillisecond);
    EXPECT_EQ(host.ledger(0).run, 2 * 2 * kMillisecond);
    EXPECT_EQ(host.ledger(0).costop, 3 * 7 * kMillisecond);
    host.run_until(19 * kMillisecond);
    EXPECT_EQ(host.ledger(0).run, 2 * 2 * kMillisecond + 3 * 9 * kMillisecond);
}

TEST(Gang, AGangThatWasStoppedIsCostoppedThoughOthersTookItsPlace) {
    // As above, and a VM of two, which takes the two pCPUs that the gang leaves.
    const std::vector<FakeVm> vms = {
        {.vcpus = 3,
         .script = [](int vcpu, int) { return Burst{.idle = vcpu == 2 ? 2 * kMillisecond : 0}; }},
        {.vcpus = 1},
        {.vcpus = 2}};
    FakeHost host(host_shape(3), vms, make_scheduler(kGang));
    host.run_until(9 * kMillisecond);
    EXPECT_EQ(host.ledger(0).costop, 3 * 7 * kMillisecond);
    EXPECT_EQ(host.ledger(2).ready, 2 * 2 * kMillisecond);
    EXPECT_EQ(host.ledger(2).run, 2 * 7 * kMillisecond);
}

TEST(Gang, AGangThatIsNextAgainIsNotSwitched) {
    FakeHost host(host_shape(2), {{.vcpus = 2}}, make_scheduler(kGang));
    host.run_until(kSecond);
    EXPECT_EQ(host.switches(), 2);
}

TEST(Gang, VcpusRunWhereTheyRanLast) {
    // Which of the two wakes first changes from time to time.
    const auto ms = [](int idle) { return Burst{idle * kMillisecond, 3 * kMillisecond}; };
    const std::vector<FakeVm> vms = {
        {.script = [&](int, int burst) { return ms(burst == 0       ? 4
                                                   : burst % 2 == 1 ? 7
                                                                    : 3); }},
        {.script = [&](int, int) { return ms(5); }}};
    FakeHost host(host_shape(2), vms, make_scheduler(kGang));
    host.run_until(kSecond);
    EXPECT_EQ(host.migrations(), 0);
    EXPECT_GT(host.run_time(0), kSecond / 3);
    EXPECT_GT(host.run_time(1), kSecond / 3);
}

TEST(Gang, RefusesAGangThatNeverFits) {
    EXPECT_THROW(FakeHost(host_shape(4), {{.vcpus = 3, .pcpus = {0, 1}}}, make_scheduler(kGang)),
                 ConfigError);
}

}  // namespace
}  // namespace hvlab::sim::testing
