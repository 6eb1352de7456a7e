// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checkpoints of hosts that somebody made by hand: refused, or taken, and then the run goes on or
// ends with a typed error.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
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

constexpr Time kSaved = 3 * kMillisecond;
constexpr Time kEnd = 5 * kMillisecond;
constexpr Duration kResolution = 700 * kMicrosecond;

class Samples final : public Recorder {
public:
    void response(unsigned, std::uint32_t, Duration) override {}
    void sample(unsigned, std::uint32_t group, std::int64_t index, const VmLedger&) override {
        EXPECT_LT(group, 3U);
        EXPECT_GE(index, 0);
        EXPECT_LT(index, (kEnd - 1) / kResolution + 1);
    }
};

// Three VMs on two cores with two threads each.
class Machine {
public:
    Machine(const Workload& workload, const std::string& scheduler) {
        node_.cores = 2;
        node_.threads = 2;
        node_.accounting_period = kMillisecond;
        for (std::uint32_t vm = 0; vm < 3; ++vm) {
            VmGroup& group = groups_.emplace_back();
            group.name = "vm";
            group.vcpus = 2;
            group.weight = 100 + vm;
            if (vm == 1) group.limit = 0.7;
            hosted_.push_back({&group, &workload, vm, vm, 1000 + vm});
        }
        const HostOptions options{
            .warmup = kMillisecond, .resolution = kResolution, .recorder = &samples_};
        if (scheduler == "fluid") {
            host_ = std::make_unique<FluidHost>(node_, hosted_, options);
        } else {
            host_ = std::make_unique<QuantumHost>(node_, hosted_, testing::policy(scheduler), 5,
                                                  options);
        }
    }

    void run(Time end) {
        while (host_->advance(end, outbox_).starved) {
            const auto starving = host_->starving();
            for (const std::uint32_t vm : std::vector(starving.begin(), starving.end())) {
                const std::size_t pairs = host_->wanted(vm);
                host_->feed(vm, std::vector<Duration>(pairs, 300'000),
                            std::vector<Duration>(pairs, 70'000));
            }
        }
    }
    std::vector<std::byte> saved() const {
        StateWriter writer;
        host_->save(writer);
        return writer.take();
    }
    void load(const std::vector<std::byte>& state) {
        StateReader reader(state);
        host_->load(reader);
    }

private:
    HostGroup node_;
    std::deque<VmGroup> groups_;
    std::vector<HostedVm> hosted_;
    Samples samples_;
    testing::NoOutbox outbox_;
    std::unique_ptr<Host> host_;
};

class Forged : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
protected:
    const std::string& scheduler() const { return std::get<0>(GetParam()); }

    std::unique_ptr<Workload> workload_ = example_workload(std::get<1>(GetParam()), 2);
};

TEST_P(Forged, WhatWasSavedIsTaken) {
    for (Time at = 0; at <= kSaved; at += 77'777) {
        Machine machine(*workload_, scheduler());
        machine.run(at);
        Machine other(*workload_, scheduler());
        EXPECT_NO_THROW(other.load(machine.saved())) << at;
    }
}

TEST_P(Forged, IsRefusedOrGoesOn) {
    Machine machine(*workload_, scheduler());
    machine.run(kSaved);
    const std::vector<std::byte> good = machine.saved();
    int refused = 0;
    for (std::size_t position = 0; position < good.size(); ++position) {
        for (const std::int64_t value : {kNever, Time{-1}, kNever / 2, Time{0}, Time{1}}) {
            std::vector<std::byte> state = good;
            std::memcpy(state.data() + position, &value,
                        std::min(sizeof value, state.size() - position));
            Machine other(*workload_, scheduler());
            try {
                other.load(state);
            } catch (const StateError&) {
                ++refused;
                continue;
            }
            try {
                other.run(kEnd);
            } catch (const Error&) {
            }
        }
    }
    EXPECT_GT(refused, static_cast<int>(good.size()));
}

std::string name_of(const ::testing::TestParamInfo<Forged::ParamType>& test) {
    std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param);
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Schedulers, Forged,
                         ::testing::Combine(::testing::Values("round-robin", "credit2", "eevdf",
                                                              "esx", "gang", "hyperv"),
                                            ::testing::Values("poisson")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Workloads, Forged,
                         ::testing::Combine(::testing::Values("fluid"),
                                            ::testing::ValuesIn(example_names())),
                         name_of);

}  // namespace
}  // namespace hvlab::sim
