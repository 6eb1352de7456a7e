// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all policies must keep, and what each promises, on a host whose vCPUs are scripted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
}

// Idles and computes for 1 us to `most` each.
Script random_bursts(std::uint64_t seed, Duration most) {
    return [seed, most](int vcpu, int burst) {
        const std::uint64_t bits = mixed(seed * 1'000'003 + static_cast<std::uint64_t>(vcpu) * 997 +
                                         static_cast<std::uint64_t>(burst) * 31 + 7);
        const auto range = static_cast<std::uint64_t>(most);
        return Burst{.idle = static_cast<Duration>(1'000 + bits % range),
                     .busy = static_cast<Duration>(1'000 + (bits >> 32U) % range)};
    };
}

// Of VMs of 1 to 4 vCPUs, some of them pinned or limited, on 8 pCPUs.
std::vector<FakeVm> random_vms(std::uint64_t seed, int count) {
    std::vector<FakeVm> vms;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t bits = mixed(seed * 131 + static_cast<std::uint64_t>(i));
        FakeVm vm;
        vm.vcpus = 1 + static_cast<int>(bits % 4);
        vm.weight = static_cast<double>(256 << (bits >> 8U) % 4);
        if ((bits >> 16U) % 4 == 0) vm.pcpus = {0, 1, 2, 3};
        if ((bits >> 20U) % 5 == 0) vm.limit = 0.5;
        if ((bits >> 24U) % 3 != 0) vm.script = random_bursts(bits, 20 * kMillisecond);
        vms.push_back(vm);
    }
    return vms;
}

bool same(const FakeLedger& a, const FakeLedger& b) {
    return a.run == b.run && a.ready == b.ready && a.costop == b.costop &&
           a.throttled == b.throttled && a.idle == b.idle;
}

class Policy : public ::testing::TestWithParam<const SchedulerKind*> {
protected:
    static std::unique_ptr<Scheduler> made() { return make_scheduler(*GetParam()); }
};
class WorkConserving : public Policy {};
class Weighted : public Policy {};
class Reserving : public Policy {};

TEST_P(Policy, LosesNoTimeAndKeepsTheContract) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const auto vms = random_vms(seed, 8);
        FakeHost host(host_shape(2, 2, 2), vms, made());
        host.run_until(2 * kSecond);
        for (VmId vm = 0; vm < 8; ++vm) {
            const FakeLedger got = host.ledger(vm);
            EXPECT_EQ(got.run + got.ready + got.costop + got.throttled + got.idle,
                      vms[static_cast<std::size_t>(vm)].vcpus * 2 * kSecond);
            EXPECT_GT(got.run, 0) << "starved: VM " << vm << ", seed " << seed;
            EXPECT_TRUE(GetParam()->promises.coscheduling || got.costop == 0);
        }
    }
}

// Where vCPUs like the pCPU that they ran on last, too. Turns begin together, or each at its time.
TEST_P(Policy, NoVcpuIsLeftBehindItsSiblings) {
    for (const Duration apart : {Duration{0}, 700 * kMicrosecond}) {
        const Script busy = [apart](int vcpu, int) { return Burst{.idle = vcpu * apart}; };
        FakeHost host(host_shape(8), std::vector(3, FakeVm{.vcpus = 6, .script = busy}), made());
        Duration longest = 0;
        host.on_instant([&](const FakeHost& is) {
            for (const VcpuFacts& vcpu : is.vcpus()) {
                if (vcpu.state != VcpuState::kReady) continue;
                longest = std::max(longest, is.now() - vcpu.since);
            }
        });
        host.run_until(10 * kSecond);
        EXPECT_LE(longest, 100 * kMillisecond) << apart;
        for (VcpuId vcpu = 0; vcpu < 18; ++vcpu) {
            const VcpuFacts& is = host.vcpus()[static_cast<std::size_t>(vcpu)];
            const auto fair = static_cast<double>(host.run_time(is.vm)) / 6;
            EXPECT_GT(static_cast<double>(is.ran), 0.7 * fair) << vcpu << ' ' << apart;
        }
    }
}

TEST_P(WorkConserving, LeavesNoPcpuFree) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        FakeHost host(host_shape(2, 2, 2), random_vms(seed, 8), made());
        int wasted = 0;
        host.on_instant([&](const FakeHost& is) { wasted += is.wastes_pcpu() ? 1 : 0; });
        host.run_until(kSecond);
        EXPECT_EQ(wasted, 0) << "seed " << seed;
        EXPECT_GT(host.instants(), 100);
    }
}

TEST_P(Weighted, SharesWhileBacklogged) {
    // Each entitled to less than its vCPUs could use.
    const std::vector<FakeVm> vms = {{.vcpus = 2, .weight = 512},
                                     {.vcpus = 2, .weight = 1024},
                                     {.vcpus = 2, .weight = 1024},
                                     {.vcpus = 2, .weight = 1536}};
    FakeHost host(host_shape(4), vms, made());
    host.run_until(20 * kSecond);
    for (VmId vm = 0; vm < 4; ++vm) {
        const double fair = 4.0 * 20 * vms[static_cast<std::size_t>(vm)].weight / 4096;
        EXPECT_NEAR(static_cast<double>(host.run_time(vm)) / kSecond, fair, 0.02 * fair) << vm;
    }
}

TEST_P(Weighted, SharesByVmNotByVcpu) {
    FakeHost host(host_shape(4), {{.vcpus = 2}, {.vcpus = 4}, {.vcpus = 4}}, made());
    host.run_until(30 * kSecond);
    for (VmId vm = 0; vm < 3; ++vm) {
        // All gangs but one at a time: two pCPUs stay free while the VM of two runs.
        const double fair = GetParam() == &kGang ? 30.0 * 4 / 4 : 30.0 * 4 / 3;
        EXPECT_NEAR(static_cast<double>(host.run_time(vm)) / kSecond, fair, 0.5) << vm;
    }
}

// Nobody owes another one for a time in which it did not want a pCPU.
TEST_P(Weighted, OneThatComesLateGetsItsShareAndNoMore) {
    const auto from = [](Time begin) -> Script {
        return [begin](int, int burst) {
            return burst == 0 ? Burst{.idle = begin} : Burst{.idle = kNever};
        };
    };
    FakeHost alone(host_shape(1), {{}, {.script = from(5 * kSecond)}}, made());
    alone.run_until(6 * kSecond);
    EXPECT_NEAR(static_cast<double>(alone.run_time(1)) / kSecond, 0.5, 0.06);

    FakeHost contended(host_shape(1), {{}, {}, {.script = from(5 * kSecond)}}, made());
    contended.run_until(6'500 * kMillisecond);
    EXPECT_NEAR(static_cast<double>(contended.run_time(2)) / kSecond, 0.5, 0.07);
}

TEST_P(Policy, KeepsLimits) {
    FakeHost host(host_shape(2), {{.vcpus = 2, .limit = 0.5}, {.vcpus = 1}}, made());
    host.on_instant([](const FakeHost& is) { EXPECT_LE(is.used(0), 50 * kMillisecond + 2); });
    host.run_until(kSecond);
    EXPECT_NEAR(static_cast<double>(host.run_time(0)) / kSecond, 0.5, 0.001);
    EXPECT_GT(host.ledger(0).throttled, 0);
}

TEST_P(Policy, GoesOnFromItsSavedState) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        FakeHost whole(host_shape(2, 2, 2), random_vms(seed, 8), made());
        FakeHost parts(host_shape(2, 2, 2), random_vms(seed, 8), made());
        for (int part = 1; part <= 40; ++part) {
            whole.run_until(part * 17 * kMillisecond);
            parts.run_until(part * 17 * kMillisecond);
            parts.replace_scheduler(made());
        }
        for (VmId vm = 0; vm < 8; ++vm) EXPECT_TRUE(same(whole.ledger(vm), parts.ledger(vm))) << vm;
        EXPECT_EQ(whole.switches(), parts.switches());
        EXPECT_EQ(whole.instants(), parts.instants());
    }
}

// A checkpoint that somebody made by hand of two.
TEST_P(Policy, ASavedStateOfAnotherHostIsRefused) {
    FakeHost host(host_shape(2), {{.vcpus = 2}, {.vcpus = 1}}, made());
    host.run_until(50 * kMillisecond);
    StateWriter writer;
    host.scheduler().save(writer);
    FakeHost idle(host_shape(2), {{.vcpus = 2}, {.vcpus = 1}}, made());
    const auto load_for = [&](FakeHost& on) {
        const auto scheduler = made();
        scheduler->start(on);
        StateReader reader(writer.bytes());
        scheduler->load(reader);
        scheduler->check(on);
    };
    EXPECT_NO_THROW(load_for(host));
    EXPECT_THROW(load_for(idle), StateError);
}

TEST_P(Policy, SavedStateThatIsCutShortIsRefused) {
    FakeHost host(host_shape(2), {{.vcpus = 2}, {.vcpus = 1}}, made());
    const auto one = made();
    one->start(host);
    StateWriter writer;
    one->save(writer);
    auto bytes = writer.take();
    bytes.pop_back();
    const auto other = made();
    other->start(host);
    StateReader reader(bytes);
    EXPECT_THROW(other->load(reader), StateError);
}

TEST_P(Reserving, KeepsReservationsInEachPeriod) {
    const std::vector<FakeVm> vms = {{.vcpus = 2, .weight = 1, .reservation = 1.25},
                                     {.vcpus = 1, .weight = 1, .reservation = 0.5},
                                     {.vcpus = 8, .weight = 10'000}};
    FakeHost host(host_shape(2), vms, made());
    Duration before[2] = {0, 0};
    for (int period = 1; period <= 50; ++period) {
        host.run_until(period * 100 * kMillisecond);
        for (VmId vm = 0; vm < 2; ++vm) {
            const Duration got = host.run_time(vm) - before[vm];
            before[vm] = host.run_time(vm);
            EXPECT_GE(static_cast<double>(got) / (100 * kMillisecond),
                      vms[static_cast<std::size_t>(vm)].reservation)
                << "VM " << vm << ", period " << period;
        }
    }
    EXPECT_NEAR(static_cast<double>(host.run_time(2)) / kSecond, 5 * 0.25, 0.05);
}

TEST_P(Reserving, FillsTheHostWithReservations) {
    // Each of three needs its pCPU for 65 ms of 100: they must take turns on the two, all the time.
    std::vector<FakeVm> vms(3, FakeVm{.reservation = 0.65});
    vms.push_back({.weight = 100'000});
    FakeHost host(host_shape(2), vms, made());
    Duration before[3] = {0, 0, 0};
    for (int period = 1; period <= 20; ++period) {
        host.run_until(period * 100 * kMillisecond);
        for (VmId vm = 0; vm < 3; ++vm) {
            EXPECT_GE(host.run_time(vm) - before[vm], 64 * kMillisecond) << vm << ' ' << period;
            before[vm] = host.run_time(vm);
        }
    }
}

TEST_P(Reserving, ForgetsWhatWasHadBeyondTheShare) {
    // The heavy VM leaves after 2.5 s. From then on the first one is entitled to 3/4, although its
    // reservation gave it much more than its share until then.
    const Script leaves = [](int, int burst) {
        return burst == 0 ? Burst{.busy = kSecond} : Burst{.idle = kNever};
    };
    const std::vector<FakeVm> vms = {{.weight = 600, .reservation = 0.6},
                                     {.weight = 100'000, .script = leaves},
                                     {.weight = 100},
                                     {.weight = 100}};
    FakeHost host(host_shape(1), vms, made());
    while (host.ledger(1).idle == 0) host.run_until(host.now() + 100 * kMillisecond);
    host.run_until(host.now() + 500 * kMillisecond);
    const Duration before = host.run_time(0);
    host.run_until(host.now() + kSecond);
    EXPECT_NEAR(static_cast<double>(host.run_time(0) - before) / kSecond, 0.75, 0.06);
}

std::string name_of(const ::testing::TestParamInfo<const SchedulerKind*>& info) {
    std::string name(info.param->name);
    std::ranges::replace(name, '-', '_');
    return name;
}
std::vector<const SchedulerKind*> that_promise(bool Promises::*promise) {
    std::vector<const SchedulerKind*> kinds;
    for (const SchedulerKind* kind : scheduler_kinds()) {
        if (kind->promises.*promise) kinds.push_back(kind);
    }
    return kinds;
}
INSTANTIATE_TEST_SUITE_P(All, Policy, ::testing::ValuesIn(scheduler_kinds()), name_of);
INSTANTIATE_TEST_SUITE_P(All, WorkConserving,
                         ::testing::ValuesIn(that_promise(&Promises::work_conserving)), name_of);
INSTANTIATE_TEST_SUITE_P(All, Weighted, ::testing::ValuesIn(that_promise(&Promises::weights)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, Reserving, ::testing::ValuesIn(that_promise(&Promises::reservations)),
                         name_of);

TEST(Registry, FindsEveryPolicyByItsName) {
    for (const SchedulerKind* kind : scheduler_kinds()) {
        EXPECT_EQ(find_scheduler(kind->name), kind);
        EXPECT_FALSE(kind->meaning.empty() || kind->source.empty());
    }
    EXPECT_EQ(find_scheduler("credit3"), nullptr);
}

}  // namespace
}  // namespace hvlab::sim::testing
