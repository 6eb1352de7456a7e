// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policies and workloads that ask for nonsense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/hosts/errors.h"
#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using ::testing::AllOf;
using testing::Busy;
using ::testing::HasSubstr;
using testing::policy;
using testing::QuantumFixture;

// Does this at each assign, or at any other call.
class Scripted final : public Scheduler {
public:
    using Script = std::function<void(Pcpus&)>;
    explicit Scripted(Script assign, Script ready = {})
        : assign_(std::move(assign)), ready_(std::move(ready)) {}
    void start(Pcpus& /*host*/) override {}
    void charge(Pcpus& /*host*/, VcpuId /*vcpu*/, Duration /*ran*/) override {}
    void ready(Pcpus& host, VcpuId /*vcpu*/, Wake /*why*/) override {
        if (ready_) ready_(host);
    }
    void stopped(Pcpus& /*host*/, VcpuId /*vcpu*/) override {}
    void assign(Pcpus& host) override { assign_(host); }
    void timer(Pcpus& host) override { assign_(host); }
    void save(StateWriter& /*writer*/) const override {}
    void load(StateReader& /*reader*/) override {}

private:
    Script assign_;
    Script ready_;
};

// What the host of two pCPUs and two single-vCPU VMs (the second may run on pCPU 1 only) says.
std::string complaint(Scripted::Script assign, Scripted::Script ready = {},
                      bool work_conserving = false) {
    const Busy busy;
    QuantumFixture fixture(2);
    fixture.add(busy);
    VmGroup vm;
    vm.pcpus = {1};
    fixture.add(busy, vm);
    try {
        fixture.run({.name = "mine",
                     .scheduler = std::make_unique<Scripted>(std::move(assign), std::move(ready)),
                     .work_conserving = work_conserving},
                    kSecond);
    } catch (const PolicyError& error) {
        EXPECT_EQ(error.policy(), "mine");
        return error.what();
    }
    return "nothing";
}

TEST(QuantumErrors, NameThePolicyThePcpuAndTheReason) {
    const auto run = [](PcpuId pcpu, VcpuId vcpu, Duration slice) {
        return complaint([=](Pcpus& host) { host.run(pcpu, vcpu, slice); });
    };
    EXPECT_EQ(run(0, 0, 999),
              "scheduler 'mine': run() of vCPU 0 on pCPU 0: a slice of 999 ns is less than 1 us");
    EXPECT_THAT(run(0, 0, -5), HasSubstr("a slice of -5 ns"));
    EXPECT_THAT(run(0, 1, kSecond), HasSubstr("vCPU 1 on pCPU 0: its VM may not run there"));
    EXPECT_THAT(run(2, 0, kSecond), HasSubstr("the host has pCPUs 0 to 1"));
    EXPECT_THAT(run(-1, 0, kSecond), HasSubstr("the host has pCPUs 0 to 1"));
    EXPECT_THAT(run(0, 2, kSecond), HasSubstr("the host has vCPUs 0 to 1"));
    EXPECT_THAT(complaint([](Pcpus& host) {
                    host.run(1, 0, kSecond);
                    host.run(1, 1, kSecond);
                }),
                HasSubstr("vCPU 1 on pCPU 1: vCPU 0 is running there"));
    EXPECT_THAT(complaint([](Pcpus& host) {
                    host.run(1, 0, kSecond);
                    host.run(0, 0, kSecond);
                }),
                HasSubstr("vCPU 0 on pCPU 0: it is running, not ready"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.preempt(1); }),
                HasSubstr("preempt() of pCPU 1: no vCPU is running there"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.extend(7, kSecond); }),
                HasSubstr("extend() of pCPU 7: the host has pCPUs 0 to 1"));
    EXPECT_THAT(complaint([](Pcpus& host) {
                    host.run(0, 0, kSecond);
                    host.extend(0, 10);
                }),
                HasSubstr("a slice of 10 ns is less than 1 us"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.hold(9, true); }), HasSubstr("vCPU 9"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.set_timer(-1); }), HasSubstr("is in the past"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.random(0); }), HasSubstr("below 0"));
}

TEST(QuantumErrors, PcpusAreGivenInAssignOnly) {
    EXPECT_THAT(complaint([](Pcpus& /*host*/) {}, [](Pcpus& host) { host.run(0, 0, kSecond); }),
                HasSubstr("only assign() and timer() may give and take pCPUs"));
}

TEST(QuantumErrors, IdleHostsWithReadyVcpus) {
    EXPECT_THAT(complaint([](Pcpus& /*host*/) {}),
                AllOf(HasSubstr("leaves all pCPUs idle"), HasSubstr("2 vCPUs are ready")));
    const auto lazy = [](Pcpus& host) {
        if (host.running()[0] == kNone) host.run(0, 0, kNever);
    };
    EXPECT_EQ(complaint(lazy), "nothing");
    EXPECT_THAT(complaint(lazy, {}, true),
                AllOf(HasSubstr("is said to be work-conserving, but leaves pCPU 1 idle"),
                      HasSubstr("vCPU 1 is ready")));
}

TEST(QuantumErrors, ATimerThatIsAlwaysNow) {
    int calls = 0;
    EXPECT_THAT(complaint([&](Pcpus& host) {
                    if (++calls == 1) host.run(0, 0, kSecond);
                    if (calls % 2 == 1) host.set_timer(host.now());
                }),
                HasSubstr("sets a timer to the present again and again, at 0 ns"));
    EXPECT_THAT(complaint([](Pcpus& host) { host.set_timer(host.now()); }),
                HasSubstr("sets a timer to the present again and again, at 0 ns"));
}

class Odd final : public Workload {
public:
    explicit Odd(std::function<void(Guest&)> start) : start_(std::move(start)) {}
    void start(Guest& guest) const override { start_(guest); }
    void done(Guest& /*guest*/, int /*vcpu*/) const override {}
    void timer(Guest& guest, int vcpu) const override { guest.set_timer(vcpu, guest.now()); }

private:
    std::function<void(Guest&)> start_;
};

std::string complaint_of(std::function<void(Guest&)> start) {
    const Odd odd(std::move(start));
    QuantumFixture fixture;
    VmGroup vm;
    vm.name = "web";
    fixture.add(odd, vm);
    try {
        fixture.run(policy("round-robin"), kSecond);
    } catch (const WorkloadError& error) {
        return error.what();
    }
    return "nothing";
}

TEST(QuantumErrors, NameTheVm) {
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.compute(0, 0); }),
                HasSubstr("workload of VM 'web' (number 0 of the cluster): compute() of 0 ns"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.compute(0, kNever); }),
                HasSubstr("compute() of 9223372036854775807 ns"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.spin(1); }),
                HasSubstr("spin() of vCPU 1; the VM has 1"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.idle(-1); }), HasSubstr("vCPU -1"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.set_timer(-2, 5); }), HasSubstr("vCPU -2"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.set_timer(0, -5); }),
                HasSubstr("set_timer() to -5 ns, which is past"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.respond(0); }),
                HasSubstr("no request is in the VM"));
    EXPECT_THAT(complaint_of([](Guest& guest) {
                    guest.arrive();
                    guest.respond(7);
                }),
                HasSubstr("a request of 7 ns; it is 0 ns"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.set_timer(Guest::kVm, 500); }),
                HasSubstr("sets a timer to the present again and again, at 500 ns"));
    EXPECT_THAT(complaint_of([](Guest& guest) { guest.set_timer(0, 500); }), HasSubstr("'web'"));
}

}  // namespace
}  // namespace hvlab::sim
