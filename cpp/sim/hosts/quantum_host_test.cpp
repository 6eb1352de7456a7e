// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/quantum_host.h"

#include <gtest/gtest.h>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::Busy;
using testing::policy;
using testing::QuantumFixture;

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

}  // namespace
}  // namespace hvlab::sim
