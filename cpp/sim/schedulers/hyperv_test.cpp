// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

std::unique_ptr<Scheduler> core_type() {
    return make_scheduler(kHyperv, {{"type", "core"}});
}

// Cores on which vCPUs of several VMs run.
int shared_cores(const FakeHost& host) {
    const int threads = host.topology().threads();
    int shared = 0;
    for (PcpuId first = 0; first < host.topology().pcpus(); first += threads) {
        VmId vm = kNone;
        bool mixed = false;
        for (PcpuId pcpu = first; pcpu < first + threads; ++pcpu) {
            const VcpuId vcpu = host.running()[static_cast<std::size_t>(pcpu)];
            if (vcpu == kNone) continue;
            const VmId other = host.vcpus()[static_cast<std::size_t>(vcpu)].vm;
            mixed = mixed || (vm != kNone && other != vm);
            vm = other;
        }
        shared += mixed ? 1 : 0;
    }
    return shared;
}

int shared_cores_seen(std::unique_ptr<Scheduler> scheduler) {
    const Script bursts = [](int vcpu, int burst) {
        return Burst{.idle = (vcpu + burst) % 7 * kMillisecond,
                     .busy = (vcpu * 3 + burst * 5) % 13 * kMillisecond + 1};
    };
    const std::vector<FakeVm> vms = {{.vcpus = 2},
                                     {.vcpus = 3, .script = bursts},
                                     {.vcpus = 1, .weight = 1, .reservation = 0.3},
                                     {.vcpus = 4, .pcpus = {0, 1, 2}, .script = bursts},
                                     {.vcpus = 2, .limit = 0.5, .script = bursts}};
    FakeHost host(host_shape(3, 2), vms, std::move(scheduler));
    int seen = 0;
    host.on_instant([&](const FakeHost& is) { seen += shared_cores(is); });
    host.run_until(10 * kSecond);
    for (VmId vm = 0; vm < 5; ++vm) EXPECT_GT(host.run_time(vm), kSecond / 4) << vm;
    return seen;
}

TEST(Hyperv, VmsShareNoCoreUnderTheCoreScheduler) {
    EXPECT_EQ(shared_cores_seen(core_type()), 0);
    EXPECT_GT(shared_cores_seen(make_scheduler(kHyperv)), 0);
}

TEST(Hyperv, UnderTheCoreSchedulerVmsTakeTurnsOnCores) {
    // Two VMs of 2 vCPUs and one of 1 on one core of two threads: the last leaves a thread free.
    const std::vector<FakeVm> vms = {{.vcpus = 2}, {.vcpus = 2}, {.vcpus = 1}};
    FakeHost host(host_shape(1, 2), vms, core_type());
    host.run_until(10 * kSecond);
    const Duration pair = host.run_time(0);
    EXPECT_NEAR(static_cast<double>(pair) / kSecond,
                static_cast<double>(host.run_time(1)) / kSecond, 0.1);
    EXPECT_NEAR(static_cast<double>(host.run_time(2)) / kSecond,
                static_cast<double>(pair) / kSecond, 0.1);
    EXPECT_NEAR(static_cast<double>(pair) / kSecond, 5, 0.1);
}

TEST(Hyperv, WithoutThreadsTheCoreSchedulerIsTheClassicOne) {
    const std::vector<FakeVm> vms = {{.vcpus = 2}, {.vcpus = 3, .weight = 300}, {.vcpus = 1}};
    FakeHost core(host_shape(2), vms, core_type());
    FakeHost classic(host_shape(2), vms, make_scheduler(kHyperv));
    core.run_until(3 * kSecond);
    classic.run_until(3 * kSecond);
    for (VmId vm = 0; vm < 3; ++vm) {
        EXPECT_NEAR(static_cast<double>(core.run_time(vm)) / kSecond,
                    static_cast<double>(classic.run_time(vm)) / kSecond, 0.1);
    }
}

// A second vCPU joins in the midst of turns.
TEST(Hyperv, TurnsOfACoreEndTogether) {
    const Script restless = [](int vcpu, int) {
        return vcpu == 0 ? Burst{} : Burst{.idle = 3 * kMillisecond, .busy = 8 * kMillisecond};
    };
    FakeHost host(host_shape(1, 2), {{.vcpus = 2, .script = restless}, {}}, core_type());
    int alone = 0;
    host.on_instant([&](const FakeHost& is) {
        alone +=
            is.vcpus()[0].state == VcpuState::kReady && is.vcpus()[1].state == VcpuState::kRunning
                ? 1
                : 0;
    });
    host.run_until(10 * kSecond);
    EXPECT_EQ(alone, 0);
    EXPECT_GT(host.run_time(1), 4 * kSecond);
}

TEST(Hyperv, VcpusStayWhereTheyRan) {
    // Turns that end at different times.
    std::vector<FakeVm> vms(12);
    for (int i = 0; i < 12; ++i) {
        vms[static_cast<std::size_t>(i)].script = [i](int, int burst) {
            return Burst{.idle = burst == 0 ? i * kMillisecond * 7 / 10 : kMicrosecond,
                         .busy = 90 * kMillisecond + i * kMillisecond};
        };
    }
    FakeHost host(host_shape(4), vms, make_scheduler(kHyperv));
    host.run_until(10 * kSecond);
    EXPECT_LT(host.migrations() * 100, host.switches());
}

TEST(Hyperv, SiblingsTakeTurnsWhereTheyRan) {
    FakeHost host(host_shape(8), std::vector(3, FakeVm{.vcpus = 6}), make_scheduler(kHyperv));
    host.run_until(10 * kSecond);
    EXPECT_LT(host.migrations() * 10, host.switches());
}

// The second vCPU of a VM joins the first after 5 s, in which that one ran much more.
TEST(Hyperv, AVcpuDoesNotPayForTheTimeThatItWasBusyAlone) {
    const Script late = [](int vcpu, int) { return Burst{.idle = vcpu * 5 * kSecond}; };
    FakeHost host(host_shape(2), {{.vcpus = 2, .script = late}, {}, {}}, make_scheduler(kHyperv));
    host.run_until(6 * kSecond);
    const Duration before[2] = {host.progress(0), host.progress(1)};
    host.run_until(8 * kSecond);
    for (VcpuId vcpu = 0; vcpu < 2; ++vcpu) {
        EXPECT_GT(host.progress(vcpu) - before[vcpu], 600 * kMillisecond) << vcpu;
    }
}

TEST(Hyperv, VcpusBeginAtDifferentIdealProcessors) {
    FakeHost host(host_shape(4), {{.vcpus = 2}, {.vcpus = 2}}, make_scheduler(kHyperv));
    host.run_until(kMillisecond);
    for (VcpuId vcpu = 0; vcpu < 4; ++vcpu) {
        EXPECT_EQ(host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu, vcpu);
    }
}

TEST(Hyperv, IdealProcessorsAreNearTheMemoryOfTheVm) {
    const std::vector<FakeVm> vms = {
        {.vcpus = 2, .home = 0}, {.vcpus = 2, .home = 1}, {.vcpus = 2, .home = 0}, {.home = 0}};
    FakeHost host(host_shape(4, 1, 2), vms, make_scheduler(kHyperv));
    host.run_until(kMillisecond);
    const auto pcpu_of = [&](std::size_t vcpu) { return host.vcpus()[vcpu].pcpu; };
    EXPECT_EQ(pcpu_of(0), 0);
    EXPECT_EQ(pcpu_of(1), 1);
    EXPECT_EQ(pcpu_of(2), 4);
    EXPECT_EQ(pcpu_of(3), 5);
    EXPECT_EQ(pcpu_of(4), 2);
    EXPECT_EQ(pcpu_of(5), 3);
    EXPECT_EQ(pcpu_of(6), 6);  // a free pCPU further away rather than a shared one
}

TEST(Hyperv, AReserveDoesNotWaitForItsTurn) {
    const Script periodic = [](int, int) {
        return Burst{.idle = 19 * kMillisecond, .busy = kMillisecond};
    };
    const auto waited = [&](double reservation) {
        FakeHost host(host_shape(1), {{.reservation = reservation, .script = periodic}, {}, {}, {}},
                      make_scheduler(kHyperv));
        host.run_until(10 * kSecond);
        return host.ledger(0).ready;
    };
    EXPECT_EQ(waited(0.1), 0);
    EXPECT_GT(waited(0), kSecond / 5);
}

TEST(Hyperv, ReservesHoldUnderTheCoreScheduler) {
    const std::vector<FakeVm> vms = {
        {.vcpus = 2, .weight = 1, .reservation = 0.8}, {.vcpus = 2}, {.vcpus = 2}};
    FakeHost host(host_shape(1, 2), vms, core_type());
    Duration before = 0;
    for (int period = 1; period <= 20; ++period) {
        host.run_until(period * 100 * kMillisecond);
        EXPECT_GE(host.run_time(0) - before, 80 * kMillisecond);
        before = host.run_time(0);
    }
}

TEST(Hyperv, PromisesLessUnderTheCoreScheduler) {
    Values values;
    values.set("type", std::string("core"));
    EXPECT_FALSE(promises(kHyperv, values).work_conserving);
    values.set("type", std::string("classic"));
    EXPECT_TRUE(promises(kHyperv, values).work_conserving);
}

}  // namespace
}  // namespace hvlab::sim::testing
