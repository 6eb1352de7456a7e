// SPDX-License-Identifier: GPL-2.0-or-later
//
// Small cases, worked out by hand.
#include "sim/hosts/quantum_host.h"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::Busy;
using testing::policy;
using testing::QuantumFixture;

VmGroup vm_of(int vcpus) {
    VmGroup vm;
    vm.vcpus = vcpus;
    return vm;
}

TEST(QuantumHost, OneVcpuRunsAllTheTime) {
    const Busy busy;
    QuantumFixture fixture;
    fixture.add(busy);
    fixture.run(policy("round-robin"), kSecond);
    const VmLedger vm = fixture.vm(0);
    EXPECT_EQ(vm.run, kSecond);
    EXPECT_EQ(vm.overhead, 2 * kMicrosecond);
    EXPECT_EQ(vm.switches, 1);
    EXPECT_EQ(vm.migrations, 0);
    fixture.expect_conservation();
}

TEST(QuantumHost, TwoVcpusTakeTurnsOnOnePcpu) {
    const Busy busy;
    QuantumFixture fixture;
    fixture.add(busy);
    fixture.add(busy);
    fixture.run(policy("round-robin", {{"slice", 10 * kMillisecond}}), kSecond);
    for (const VmId id : {0, 1}) {
        const VmLedger vm = fixture.vm(id);
        EXPECT_EQ(vm.run, kSecond / 2);
        EXPECT_EQ(vm.ready, kSecond / 2);
        EXPECT_EQ(vm.switches, 50);
        EXPECT_EQ(vm.overhead, 100 * kMicrosecond);
        EXPECT_EQ(vm.lost, 0);
    }
    EXPECT_EQ(fixture.ledger().switches, 100);
    fixture.expect_conservation();
}

// Each burst of 1 ms waits for three others of 1 ms, and each has a switch of 2 us before it.
TEST(QuantumHost, LatencyCountsWaitingAndSwitching) {
    const Busy busy(kMillisecond);
    QuantumFixture fixture;
    for (int i = 0; i < 4; ++i) fixture.add(busy);
    fixture.run(policy("round-robin", {{"slice", 1'002 * kMicrosecond}}), 4'008 * kMicrosecond);
    for (VmId id = 0; id < 3; ++id) {
        EXPECT_EQ(fixture.vm(id).responses, 1);
        EXPECT_EQ(fixture.vm(id).latency, (id + 1) * 1'002 * kMicrosecond);
    }
    fixture.run(8'017 * kMicrosecond);
    EXPECT_EQ(fixture.vm(2).responses, 2);
    EXPECT_EQ(fixture.vm(2).latency_most, 4'008 * kMicrosecond);
    EXPECT_EQ(fixture.vm(3).latency, 2 * 4'008 * kMicrosecond);
    fixture.expect_conservation();
}

// 0.62 is 635/1024. Alone until 1 ms, from then on two threads of one core.
TEST(QuantumHost, ABusySiblingSlowsBoth) {
    const Busy busy(100, kMillisecond);
    QuantumFixture fixture;
    fixture.group.threads = 2;
    fixture.group.context_switch = 0;
    fixture.add(busy, vm_of(2));
    fixture.run(policy("round-robin", {{"slice", kSecond}}), 10 * kMillisecond + 1);
    const VmLedger vm = fixture.vm(0);
    EXPECT_EQ(vm.run, 19 * kMillisecond + 2);
    EXPECT_EQ(vm.lost, (18 * kMillisecond + 2) * (1024 - 635) / 1024);
    // 100 ns of work take 161.26 ns: over 9 ms not one of them is lost to rounding.
    EXPECT_EQ(vm.responses, 10'000 + 2 * (9 * kMillisecond * 635 / 1024 / 100));
    fixture.expect_conservation();
}

TEST(QuantumHost, TheOtherGoesOnFasterWhenASiblingStops) {
    // vCPU 1 of VM 0 would be busy from 1 ms on, but its limit stops both at 2 ms.
    const Busy busy(kSecond, kMillisecond);
    const Busy other;
    QuantumFixture fixture;
    fixture.group.threads = 2;
    fixture.group.context_switch = 0;
    fixture.group.accounting_period = 10 * kMillisecond;
    VmGroup limited = vm_of(1);
    limited.limit = 0.2;
    fixture.add(busy, limited);
    fixture.add(other);
    fixture.run(policy("round-robin", {{"slice", kSecond}}), 10 * kMillisecond);
    EXPECT_EQ(fixture.vm(0).run, 2 * kMillisecond);
    EXPECT_EQ(fixture.vm(0).throttled, 8 * kMillisecond);
    EXPECT_EQ(fixture.vm(1).lost, 2 * kMillisecond * (1024 - 635) / 1024);
    fixture.expect_conservation();
}

// 0.5 of a core away from memory, 0.25 if the sibling is busy as well.
TEST(QuantumHost, RemoteMemoryAndSharedCoresMultiply) {
    const Busy busy;
    QuantumFixture fixture(2);
    fixture.group.numa_nodes = 2;
    fixture.group.threads = 2;
    fixture.group.smt_speed = 0.5;
    fixture.group.remote_speed = 0.5;
    fixture.group.context_switch = 0;
    VmGroup vm = vm_of(1);
    vm.pcpus = {0, 2};  // nodes 0 and 1: the VM is at home on 0, the next one on 1
    fixture.add(busy, vm);
    vm.pcpus = {3};
    fixture.add(busy, vm);
    vm.pcpus = {0, 3};  // at home on node 0, where there's no room
    fixture.add(busy, vm);
    fixture.run(policy("round-robin", {{"slice", kSecond}}), kMillisecond);
    EXPECT_EQ(fixture.vm(0).lost, 0);
    EXPECT_EQ(fixture.vm(1).lost, 0);
    EXPECT_EQ(fixture.vm(2).ready, kMillisecond);
}

TEST(QuantumHost, MovingCostsMoreTheFurther) {
    // Two pCPUs a core, two cores a node, two nodes; one VM, moved by its only slice's end.
    QuantumFixture fixture(4);
    fixture.group.numa_nodes = 2;
    fixture.group.threads = 2;
    const Busy busy;
    fixture.add(busy);

    // Goes to the next of these pCPUs each ms.
    class Tour final : public Scheduler {
    public:
        void start(Pcpus& /*host*/) override {}
        void charge(Pcpus& /*host*/, VcpuId /*vcpu*/, Duration ran) override { ran_ += ran; }
        void ready(Pcpus& /*host*/, VcpuId /*vcpu*/, Wake /*why*/) override { waits_ = true; }
        void stopped(Pcpus& /*host*/, VcpuId /*vcpu*/) override {}
        void assign(Pcpus& host) override {
            static constexpr PcpuId kStops[] = {0, 1, 2, 4, 4, 0};
            if (!std::exchange(waits_, false)) return;
            host.run(kStops[next_++], 0, kMillisecond);
        }
        void save(StateWriter& /*writer*/) const override {}
        void load(StateReader& /*reader*/) override {}

    private:
        Duration ran_ = 0;
        bool waits_ = false;
        std::size_t next_ = 0;
    };
    const auto overhead_after = [&](Time end) {
        if (end == kMillisecond) {
            fixture.run({.name = "tour", .scheduler = std::make_unique<Tour>()}, end);
        } else {
            fixture.run(end);
        }
        return fixture.vm(0).overhead;
    };
    EXPECT_EQ(overhead_after(kMillisecond), 2 * kMicrosecond);
    EXPECT_EQ(overhead_after(2 * kMillisecond), 4 * kMicrosecond);              // its sibling
    EXPECT_EQ(overhead_after(3 * kMillisecond), (4 + 12) * kMicrosecond);       // another core
    EXPECT_EQ(overhead_after(4 * kMillisecond), (4 + 12 + 52) * kMicrosecond);  // another node
    EXPECT_EQ(overhead_after(5 * kMillisecond), (4 + 12 + 52) * kMicrosecond);  // stays
    // Back: nobody else was there meanwhile, but it has left.
    EXPECT_EQ(overhead_after(6 * kMillisecond), (4 + 12 + 52 + 52) * kMicrosecond);
    EXPECT_EQ(fixture.vm(0).switches, 5);
    EXPECT_EQ(fixture.vm(0).migrations, 3);
    fixture.expect_conservation();
}

TEST(QuantumHost, LedgersBeginAnewAfterTheWarmUp) {
    const Busy busy(kMillisecond);
    QuantumFixture fixture;
    fixture.options.warmup = 100 * kMillisecond + 300;
    fixture.add(busy);
    fixture.add(busy);
    fixture.run(policy("round-robin", {{"slice", 10 * kMillisecond}}), 200 * kMillisecond + 300);
    EXPECT_EQ(fixture.all().run, 100 * kMillisecond);
    EXPECT_EQ(fixture.ledger().busy, 100 * kMillisecond);
    EXPECT_EQ(fixture.ledger().switches, 10);
    fixture.expect_conservation();
}

// What co-scheduling goes by.
TEST(QuantumHost, RunningAndIdlingIsProgressAndWaitingIsNot) {
    Values values;
    values.set("think", Distribution{Distribution::Shape::kConstant, 3e6});
    values.set("service", Distribution{Distribution::Shape::kConstant, 2e6});
    const auto workload = find_workload("closed")->make(values, 1);
    QuantumFixture fixture;
    fixture.group.context_switch = 0;
    fixture.add(*workload);
    fixture.add(*workload);  // waits from 3 to 5 ms
    fixture.run(policy("round-robin", {{"slice", kSecond}}), 7 * kMillisecond + 1);
    const VcpuFacts first = fixture.host().pcpus().vcpus()[0];
    EXPECT_EQ(first.state, VcpuState::kIdle);
    EXPECT_EQ(first.since, 5 * kMillisecond);
    EXPECT_EQ(first.ran, 2 * kMillisecond);
    EXPECT_EQ(first.progress, 5 * kMillisecond);
    const VcpuFacts second = fixture.host().pcpus().vcpus()[1];
    EXPECT_EQ(second.since, 7 * kMillisecond);
    EXPECT_EQ(second.ran, 2 * kMillisecond);
    EXPECT_EQ(second.progress, 5 * kMillisecond);
    fixture.run(9 * kMillisecond);
    EXPECT_EQ(fixture.host().pcpus().vcpus()[0].state, VcpuState::kRunning);
    EXPECT_EQ(fixture.host().pcpus().vcpus()[0].progress, 8 * kMillisecond);
}

class Record final : public Recorder {
public:
    void response(unsigned /*thread*/, std::uint32_t /*group*/, Duration latency) override {
        latencies.push_back(latency);
    }
    void sample(unsigned /*thread*/, std::uint32_t group, std::int64_t index,
                const VmLedger& sums) override {
        if (group != 0) return;
        EXPECT_EQ(index, static_cast<std::int64_t>(samples.size()));
        samples.push_back(sums);
    }
    std::vector<Duration> latencies;
    std::vector<VmLedger> samples;
};

TEST(QuantumHost, SamplesAddUpOverTheWarmUp) {
    const Busy busy(kMillisecond);
    Record record;
    QuantumFixture fixture;
    fixture.options = {
        .warmup = 25 * kMillisecond + 7, .resolution = 10 * kMillisecond, .recorder = &record};
    fixture.add(busy);
    fixture.add(busy);
    fixture.run(policy("round-robin", {{"slice", 7 * kMillisecond}}), 100 * kMillisecond + 1);
    ASSERT_EQ(record.samples.size(), 10U);
    VmLedger sums;
    for (const VmLedger& sample : record.samples) {
        EXPECT_EQ(sample.run + sample.ready, 10 * kMillisecond);
        add(sums, sample);
    }
    EXPECT_EQ(sums.run, 7 * 7 * kMillisecond + 2 * kMillisecond);
    EXPECT_EQ(sums.switches, 8);
    const VmLedger all = fixture.all();
    EXPECT_EQ(record.latencies.size(), static_cast<std::size_t>(all.responses));
    EXPECT_EQ(std::accumulate(record.latencies.begin(), record.latencies.end(), Duration{0}),
              all.latency);
}

}  // namespace
}  // namespace hvlab::sim
