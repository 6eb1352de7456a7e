// SPDX-License-Identifier: GPL-2.0-or-later
//
// What holds for every workload.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

class EveryWorkload : public testing::TestWithParam<std::string> {
protected:
    static constexpr int kVcpus = 5;

    std::unique_ptr<Workload> make() const { return example_workload(GetParam(), kVcpus); }

    static void run(FakeGuest& guest, Time end) {
        guest.run(end);
        while (guest.starved()) {
            const std::size_t wanted = guest.workload().wanted(guest);
            guest.feed(std::vector<Duration>(wanted, 300'000),
                       std::vector<Duration>(wanted, 70'000));
            guest.run(end);
        }
    }
};

TEST_P(EveryWorkload, KeepsLittlesLaw) {
    const auto workload = make();
    for (const double pcpus : {10.0, 2.5, 0.3}) {
        FakeGuest guest(*workload, kVcpus, 7, pcpus);
        for (int i = 1; i <= 50; ++i) {
            run(guest, i * 3'141'593);
            guest.expect_little();
        }
        EXPECT_GT(guest.computing(), 0);
    }
}

TEST_P(EveryWorkload, TheStateThatItLeavesIsTaken) {
    const auto workload = make();
    FakeGuest guest(*workload, kVcpus, 7, 1.3);
    for (int i = 0; i < 200; ++i) {
        run(guest, i * 77'777);
        EXPECT_NO_THROW(workload->check(guest)) << i;
    }
}

TEST_P(EveryWorkload, DoesTheSameFromTheSameSeed) {
    const auto workload = make();
    FakeGuest whole(*workload, kVcpus, 7, 2.0);
    run(whole, 100 * kMillisecond);
    FakeGuest pieces(*workload, kVcpus, 7, 2.0);
    for (int i = 1; i <= 100; ++i) run(pieces, i * kMillisecond);
    EXPECT_EQ(whole.arrivals(), pieces.arrivals());
    EXPECT_EQ(whole.latencies(), pieces.latencies());
    EXPECT_EQ(whole.computing(), pieces.computing());
    EXPECT_EQ(whole.spinning(), pieces.spinning());
}

TEST_P(EveryWorkload, StateIsWordsOfEight) {
    const auto workload = make();
    for (int vcpus = 1; vcpus <= 9; ++vcpus) EXPECT_EQ(workload->state_size(vcpus) % 8, 0u);
}

// One object serves all VMs.
TEST_P(EveryWorkload, KeepsNothingButInTheState) {
    const auto workload = make();
    FakeGuest alone(*workload, kVcpus, 7, 2.0);
    run(alone, 50 * kMillisecond);
    FakeGuest first(*workload, kVcpus, 7, 2.0);
    FakeGuest second(*workload, kVcpus, 8, 2.0);
    for (int i = 1; i <= 50; ++i) {
        run(first, i * kMillisecond);
        run(second, i * kMillisecond);
    }
    EXPECT_EQ(alone.arrivals(), first.arrivals());
    EXPECT_EQ(alone.computing(), first.computing());
}

INSTANTIATE_TEST_SUITE_P(Workloads, EveryWorkload, testing::ValuesIn(example_names()),
                         [](const auto& test) {
                             std::string name = test.param;
                             for (char& letter : name) letter = letter == '-' ? '_' : letter;
                             return name;
                         });

}  // namespace
}  // namespace hvlab::sim
