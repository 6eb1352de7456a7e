// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each policy promises, on the quantum host with its costs of switching and shared cores.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::Busy;
using testing::policy;
using testing::QuantumFixture;
using testing::Restless;

// Looks at the host after each time that a scheduler gave pCPUs.
class Watched final : public Scheduler {
public:
    Watched(std::unique_ptr<Scheduler> inner, std::function<void(const Pcpus&)> look)
        : inner_(std::move(inner)), look_(std::move(look)) {}

    void start(Pcpus& host) override { inner_->start(host); }
    void charge(Pcpus& host, VcpuId vcpu, Duration ran) override {
        inner_->charge(host, vcpu, ran);
    }
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override { inner_->ready(host, vcpu, why); }
    void stopped(Pcpus& host, VcpuId vcpu) override { inner_->stopped(host, vcpu); }
    void assign(Pcpus& host) override {
        inner_->assign(host);
        look_(host);
    }
    void timer(Pcpus& host) override { inner_->timer(host); }
    void save(StateWriter& writer) const override { inner_->save(writer); }
    void load(StateReader& reader) override { inner_->load(reader); }

private:
    std::unique_ptr<Scheduler> inner_;
    std::function<void(const Pcpus&)> look_;
};

QuantumPolicy watched(QuantumPolicy policy, std::function<void(const Pcpus&)> look) {
    policy.scheduler = std::make_unique<Watched>(std::move(policy.scheduler), std::move(look));
    return policy;
}

std::span<const VcpuFacts> vcpus_of(const Pcpus& host, const VmFacts& vm) {
    return host.vcpus().subspan(static_cast<std::size_t>(vm.first),
                                static_cast<std::size_t>(vm.vcpus));
}

double seconds(Duration duration) {
    return static_cast<double>(duration) / kSecond;
}

class OnQuantumHost : public ::testing::TestWithParam<const SchedulerKind*> {};
class WeightedOnQuantumHost : public OnQuantumHost {};
class ReservingOnQuantumHost : public OnQuantumHost {};

TEST_P(WeightedOnQuantumHost, SharesWhileBacklogged) {
    const Busy busy;
    QuantumFixture fixture(4);
    const double weights[] = {512, 1024, 1024, 1536};
    for (const double weight : weights) {
        VmGroup vm;
        vm.vcpus = 2;
        vm.weight = weight;
        fixture.add(busy, vm);
    }
    fixture.run(policy(GetParam()->name), 20 * kSecond);
    for (VmId vm = 0; vm < 4; ++vm) {
        const double fair = 80 * weights[vm] / 4096;
        EXPECT_NEAR(seconds(fixture.vm(vm).run), fair, 0.02 * fair) << vm;
    }
    fixture.expect_conservation();
}

TEST_P(ReservingOnQuantumHost, KeepsReservationsAmongRestlessNeighbours) {
    const Busy busy;
    const Restless restless(2 * kMillisecond);
    QuantumFixture fixture(4);
    VmGroup reserved;
    reserved.vcpus = 2;
    reserved.weight = 1;
    reserved.reservation = 1.5;
    fixture.add(busy, reserved);
    reserved.vcpus = 1;
    reserved.reservation = 0.8;
    fixture.add(busy, reserved);
    VmGroup crowd;
    crowd.vcpus = 4;
    crowd.weight = 10'000;
    for (int i = 0; i < 3; ++i) fixture.add(restless, crowd);
    fixture.add(busy, crowd);
    fixture.run(policy(GetParam()->name), 0);
    Duration before[] = {0, 0};
    for (int period = 1; period <= 50; ++period) {
        fixture.run(period * fixture.group.accounting_period);
        for (VmId vm = 0; vm < 2; ++vm) {
            const Duration run = fixture.vm(vm).run - before[vm];
            before[vm] += run;
            EXPECT_GE(run, (vm == 0 ? 150 : 80) * kMillisecond) << vm << ' ' << period;
        }
    }
}

TEST_P(OnQuantumHost, NobodyWaitsForAPcpuOfOnesOwn) {
    // As many vCPUs as pCPUs: nobody waits, under any policy.
    const Busy busy;
    QuantumFixture fixture(4);
    VmGroup pair;
    pair.vcpus = 2;
    fixture.add(busy, pair);
    fixture.add(busy, pair);
    fixture.run(policy(GetParam()->name), kSecond);
    EXPECT_EQ(fixture.all().run, 4 * kSecond);
    EXPECT_EQ(fixture.ledger().switches, 4);
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
INSTANTIATE_TEST_SUITE_P(All, OnQuantumHost,
                         ::testing::ValuesIn(scheduler_kinds().begin(), scheduler_kinds().end()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, WeightedOnQuantumHost,
                         ::testing::ValuesIn(that_promise(&Promises::weights)), name_of);
INSTANTIATE_TEST_SUITE_P(All, ReservingOnQuantumHost,
                         ::testing::ValuesIn(that_promise(&Promises::reservations)), name_of);

TEST(QuantumPromises, SkewUnderEsxEachMillisecond) {
    const Busy busy(7 * kMillisecond);
    const Busy apart(kSecond, 5 * kMillisecond);
    QuantumFixture fixture(4);
    VmGroup vm;
    for (const int vcpus : {4, 2, 3, 1}) {
        vm.vcpus = vcpus;
        fixture.add(vcpus == 2 ? apart : busy, vm);
    }
    fixture.run(policy("esx"), 0);
    Duration greatest = 0;
    for (Time time = kMillisecond; time < 5 * kSecond; time += kMillisecond) {
        fixture.run(time);
        const Pcpus& host = fixture.host().pcpus();
        for (const VmFacts& facts : host.vms()) {
            Duration slowest = std::numeric_limits<Duration>::max();
            Duration fastest = 0;
            for (const VcpuFacts& vcpu : vcpus_of(host, facts)) {
                const bool runs = vcpu.state == VcpuState::kRunning;
                if (!runs && vcpu.state != VcpuState::kReady) continue;
                const Duration progress = vcpu.progress + (runs ? time - vcpu.since : 0);
                slowest = std::min(slowest, progress);
                if (runs) fastest = std::max(fastest, progress);
            }
            if (fastest > 0) greatest = std::max(greatest, fastest - slowest);
        }
    }
    EXPECT_LE(greatest, 4 * kMillisecond);
    EXPECT_GT(greatest, 2 * kMillisecond);
    EXPECT_GT(fixture.vm(0).costop, 0);
}

TEST(QuantumPromises, GangsRunWholeAtEachInstant) {
    const Busy busy(7 * kMillisecond);
    const Restless restless(kMillisecond);
    QuantumFixture fixture(3);
    fixture.group.threads = 2;
    VmGroup vm;
    for (const int vcpus : {4, 2, 3, 6, 1}) {
        vm.vcpus = vcpus;
        fixture.add(vcpus % 2 == 0 ? static_cast<const Workload&>(restless) : busy, vm);
    }
    int looks = 0;
    int torn = 0;
    fixture.run(watched(policy("gang"),
                        [&](const Pcpus& host) {
                            ++looks;
                            for (const VmFacts& facts : host.vms()) {
                                const auto vcpus = vcpus_of(host, facts);
                                const auto in = [&](VcpuState state) {
                                    return std::ranges::any_of(vcpus, [&](const VcpuFacts& vcpu) {
                                        return vcpu.state == state;
                                    });
                                };
                                torn += in(VcpuState::kRunning) && in(VcpuState::kReady) ? 1 : 0;
                            }
                        }),
                5 * kSecond);
    EXPECT_EQ(torn, 0);
    EXPECT_GT(looks, 1000);
    fixture.expect_conservation();
}

TEST(QuantumPromises, CoresAreNotSharedUnderHypervsCoreScheduler) {
    const Busy busy(7 * kMillisecond);
    const Restless restless(kMillisecond);
    QuantumFixture fixture(3);
    fixture.group.threads = 2;
    VmGroup vm;
    for (const int vcpus : {4, 2, 3, 1}) {
        vm.vcpus = vcpus;
        vm.reservation = vcpus == 1 ? 0.4 : 0;
        fixture.add(vcpus % 2 == 0 ? static_cast<const Workload&>(restless) : busy, vm);
    }
    int looks = 0;
    int shared = 0;
    const auto look = [&](const Pcpus& host) {
        ++looks;
        const auto running = host.running();
        for (std::size_t pcpu = 0; pcpu < running.size(); pcpu += 2) {
            if (running[pcpu] == kNone || running[pcpu + 1] == kNone) continue;
            const auto vm_at = [&](std::size_t at) {
                return host.vcpus()[static_cast<std::size_t>(running[at])].vm;
            };
            shared += vm_at(pcpu) != vm_at(pcpu + 1) ? 1 : 0;
        }
    };
    QuantumPolicy core = policy("hyperv", {{"type", std::string("core")}});
    core.work_conserving = false;
    fixture.run(watched(std::move(core), look), 5 * kSecond);
    EXPECT_EQ(shared, 0);
    EXPECT_GT(looks, 1000);
    EXPECT_GT(fixture.vm(3).run, 5 * kSecond * 4 / 10 - kMillisecond);
    fixture.expect_conservation();
}

}  // namespace
}  // namespace hvlab::sim
