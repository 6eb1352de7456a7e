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

    // `all`: who is fed, all that take a batch or only those that starve.
    void run(Time end, bool all = false) {
        while (host_->advance(end, outbox_).starved) {
            std::vector<std::uint32_t> starving(host_->starving().begin(), host_->starving().end());
            if (all) starving = {0, 1, 2};
            for (const std::uint32_t vm : starving) feed(vm);
        }
        now_ = end;
    }

    VmLedger ledger(std::size_t vm) const { return host_->vm_ledger(vm, now_); }
    std::vector<std::byte> saved() const {
        StateWriter writer;
        host_->save(writer);
        return writer.take();
    }

    void go_on_from(const Machine& other) {
        const std::vector<std::byte> state = other.saved();
        StateReader reader(state);
        host_->load(reader);
        pairs_ = other.pairs_;
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
            const std::size_t number = pairs_[vm]++;
            think[i] = static_cast<Duration>(100'000 + 7'919 * (number % 83 + vm));
            work[i] = static_cast<Duration>(50'000 + 6'007 * (number % 31));
        }
        host_->feed(vm, think, work);
    }

    HostGroup node_;
    std::deque<VmGroup> groups_;
    std::vector<HostedVm> hosted_;
    std::unique_ptr<Host> host_;
    testing::NoOutbox outbox_;
    Time now_ = 0;
    std::vector<std::size_t> pairs_ = std::vector<std::size_t>(kVms);  // that were fed
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
    Machine resumed(*workload_, fidelity_);
    resumed.go_on_from(whole);
    whole.run(120 * kMillisecond);
    resumed.run(120 * kMillisecond);
    EXPECT_TRUE(whole.saved() == resumed.saved());
}

class FedOnHosts : public ::testing::TestWithParam<Fidelity> {};

TEST_P(FedOnHosts, DoTheSameWhoeverIsFedWhen) {
    const auto workload = example_workload("fed", kVcpus);
    Machine starving(*workload, GetParam());
    Machine all(*workload, GetParam());
    for (int i = 1; i <= 10; ++i) {
        starving.run(i * 13'333'333);
        all.run(i * 13'333'333, true);
        for (std::size_t vm = 0; vm < kVms; ++vm) {
            EXPECT_EQ(starving.ledger(vm).run, all.ledger(vm).run);
            EXPECT_EQ(starving.ledger(vm).responses, all.ledger(vm).responses);
            EXPECT_EQ(starving.ledger(vm).latency, all.ledger(vm).latency);
        }
    }
    EXPECT_GT(all.ledger(0).responses, 500);
}

INSTANTIATE_TEST_SUITE_P(All, FedOnHosts, ::testing::Values(Fidelity::kFluid, Fidelity::kQuantum),
                         [](const auto& test) {
                             return test.param == Fidelity::kFluid ? "fluid" : "quantum";
                         });

INSTANTIATE_TEST_SUITE_P(
    All, WorkloadsOnHosts,
    ::testing::Combine(::testing::ValuesIn(example_names()),
                       ::testing::Values(Fidelity::kFluid, Fidelity::kQuantum)),
    [](const auto& test) {
        std::string name = std::get<0>(test.param);
        for (char& letter : name) letter = letter == '-' ? '_' : letter;
        return name + (std::get<1>(test.param) == Fidelity::kFluid ? "_fluid" : "_quantum");
    });

}  // namespace
}  // namespace hvlab::sim
