// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every workload on both hosts.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "sim/hosts/fluid_host.h"
#include "sim/hosts/testing/quantum_fixture.h"
#include "sim/workloads/testing/examples.h"

namespace hvlab::sim {
namespace {

constexpr int kVms = 3;
constexpr int kVcpus = 3;

// Three VMs on two cores.
class Machine {
public:
    Machine(const Workload& workload, Fidelity fidelity) {
        node_.cores = 2;
        for (std::uint32_t vm = 0; vm < kVms; ++vm) {
            VmGroup& group = groups_.emplace_back();
            group.name = "vm";
            group.vcpus = kVcpus;
            hosted_.push_back({&group, &workload, 0, vm, 1000 + vm});
        }
        if (fidelity == Fidelity::kFluid) {
            host_ = std::make_unique<FluidHost>(node_, hosted_, HostOptions{});
        } else {
            host_ = std::make_unique<QuantumHost>(node_, hosted_, testing::policy("round-robin"), 5,
                                                  HostOptions{});
        }
    }

    void run(Time end) {
        while (host_->advance(end, outbox_).starved) {
            const std::vector<std::uint32_t> starving(host_->starving().begin(),
                                                      host_->starving().end());
            for (const std::uint32_t vm : starving) feed(vm);
        }
        now_ = end;
    }

    Host& host() { return *host_; }
    VmLedger ledger(std::size_t vm) const { return host_->vm_ledger(vm, now_); }
    std::vector<std::byte> saved() const {
        StateWriter writer;
        host_->save(writer);
        return writer.take();
    }

    // That no time is lost, and Little's law with its edges.
    void expect_sound() {
        for (std::size_t vm = 0; vm < kVms; ++vm) {
            const VmLedger sums = ledger(vm);
            const Duration all = sums.run + sums.ready + sums.costop + sums.throttled + sums.idle;
            EXPECT_EQ(all, kVcpus * now_);
            std::int64_t open = 0;
            Duration spent = sums.sojourns;
            host_->open_requests(vm, [&](Time arrived) {
                ++open;
                spent += now_ - arrived;
            });
            EXPECT_EQ(open, sums.arrivals - sums.responses);
            EXPECT_EQ(spent, sums.presence);
        }
    }

private:
    void feed(std::size_t vm) {
        const std::size_t wanted = host_->wanted(vm);
        std::vector<Duration> think(wanted);
        std::vector<Duration> work(wanted);
        for (std::size_t i = 0; i < wanted; ++i) {
            think[i] = static_cast<Duration>(100'000 + 7'919 * (i + vm));
            work[i] = static_cast<Duration>(50'000 + 6'007 * i);
        }
        host_->feed(vm, think, work);
    }

    HostGroup node_;
    std::deque<VmGroup> groups_;
    std::vector<HostedVm> hosted_;
    std::unique_ptr<Host> host_;
    testing::NoOutbox outbox_;
    Time now_ = 0;
};

class WorkloadsOnHosts : public ::testing::TestWithParam<std::tuple<std::string, Fidelity>> {
protected:
    const std::unique_ptr<Workload> workload_ = example_workload(std::get<0>(GetParam()), kVcpus);
    const Fidelity fidelity_ = std::get<1>(GetParam());
};

TEST_P(WorkloadsOnHosts, AccountsAreSound) {
    Machine machine(*workload_, fidelity_);
    for (int i = 1; i <= 40; ++i) {
        machine.run(i * 7'654'321);
        machine.expect_sound();
    }
    for (std::size_t vm = 0; vm < kVms; ++vm) EXPECT_GT(machine.ledger(vm).run, 0);
}

TEST_P(WorkloadsOnHosts, GoOnFromACheckpoint) {
    Machine whole(*workload_, fidelity_);
    whole.run(50 * kMillisecond);
    const std::vector<std::byte> state = whole.saved();
    Machine resumed(*workload_, fidelity_);
    StateReader reader(state);
    resumed.host().load(reader);
    whole.run(120 * kMillisecond);
    resumed.run(120 * kMillisecond);
    EXPECT_EQ(whole.saved(), resumed.saved());
}

std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const WorkloadKind* kind : workload_kinds()) names.emplace_back(kind->name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(
    All, WorkloadsOnHosts,
    ::testing::Combine(::testing::ValuesIn(names()),
                       ::testing::Values(Fidelity::kFluid, Fidelity::kQuantum)),
    [](const auto& test) {
        std::string name = std::get<0>(test.param);
        for (char& letter : name) letter = letter == '-' ? '_' : letter;
        return name + (std::get<1>(test.param) == Fidelity::kFluid ? "_fluid" : "_quantum");
    });

}  // namespace
}  // namespace hvlab::sim
