// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host that has been running for a while allocates nothing more.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "sim/engine/testing/counted_allocations.h"
#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::NoOutbox;
using testing::policy;
using testing::QuantumFixture;
using testing::Restless;

class QuantumAllocations : public ::testing::TestWithParam<const SchedulerKind*> {};

TEST_P(QuantumAllocations, AreNoneInTheSteadyState) {
    const Restless restless(300 * kMicrosecond);
    QuantumFixture fixture(4);
    fixture.group.threads = 2;
    fixture.group.sockets = 2;
    VmGroup vm;
    vm.vcpus = 2;
    for (int i = 0; i < 20; ++i) {
        vm.limit = i % 4 == 0 ? std::optional(0.5) : std::nullopt;
        fixture.add(restless, vm);
    }
    fixture.run(policy(GetParam()->name), 5 * kSecond);
    NoOutbox outbox;
    const auto before = counted_allocations();
    const auto events = fixture.host().advance(6 * kSecond, outbox).events;
    EXPECT_EQ(counted_allocations() - before, 0U) << "in " << events << " events";
    EXPECT_GT(events, 10'000U);
}

INSTANTIATE_TEST_SUITE_P(All, QuantumAllocations,
                         ::testing::ValuesIn(scheduler_kinds().begin(), scheduler_kinds().end()),
                         [](const auto& kind) {
                             std::string name(kind.param->name);
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace hvlab::sim
