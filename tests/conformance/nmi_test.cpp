// SPDX-License-Identifier: GPL-2.0-or-later
//
// NMIs: when they are taken, what blocks them, what wakes a halted vCPU. Intel SDM vol. 3 s. 6.7.
#include "tests/conformance/support/interrupt.h"

namespace hvlab::conformance {
namespace {

class Nmi : public InterruptTest {};
ON_EVERY_BACKEND(Nmi);

constexpr unsigned kNmi = 2;

TEST_P(Nmi, IsTakenWhateverTheFlagSays) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().vcpu->raise_nmi();
    EXPECT_EQ(caught(), kNmi);
    EXPECT_EQ(interrupted(), kEntry);
    EXPECT_TRUE(guest().state().nmi_blocked);
    EXPECT_FALSE(guest().state().nmi_pending);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Nmi, ComesBeforeAnInterrupt) {
    boot(CODE64("inc eax; out 0xF4, al"));
    enable(guest());
    request();
    guest().vcpu->raise_nmi();
    EXPECT_EQ(caught(), kNmi);
    EXPECT_EQ(interrupted(), kEntry);
}

TEST_P(Nmi, BlocksTheNextUntilIret) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().load(CODE64("inc ebx; out 0x80, al; iretq"), 0x3000);
    guest().set_gate({.vector = kNmi, .handler = 0x3000});
    int raised = 0;
    guest().handler.on_access = [&](const Access&) {
        if (raised++ == 0) guest().vcpu->raise_nmi();
    };
    guest().vcpu->raise_nmi();
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 2u) << "the second behind the IRETQ of the first";
    EXPECT_EQ(raised, 2);
    EXPECT_EQ(guest().gpr(kRax) & 0xFF, 1u);
    EXPECT_FALSE(guest().state().nmi_blocked);
}

TEST_P(Nmi, SeveralWhileBlockedAreOne) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().load(CODE64("inc ebx; out 0x80, al; iretq"), 0x3000);
    guest().set_gate({.vector = kNmi, .handler = 0x3000});
    int calls = 0;
    guest().handler.on_access = [&](const Access&) {
        if (calls++ == 0) {
            for (int i = 0; i < 3; ++i) guest().vcpu->raise_nmi();
        }
    };
    guest().vcpu->raise_nmi();
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 2u);
}

TEST_P(Nmi, ABlockedOneIsSeenInTheState) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.nmi_blocked = true; });
    guest().vcpu->raise_nmi();
    EXPECT_EQ(caught(), kNotCaught);
    EXPECT_TRUE(guest().state().nmi_pending);
    EXPECT_TRUE(guest().state().nmi_blocked);
}

TEST_P(Nmi, APendingOneOfTheStateIsTaken) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.nmi_pending = true; });
    EXPECT_EQ(caught(), kNmi);
}

// Behind a load of SS the stack pointer is the old one. Whether STI holds an NMI is the processor's
// choice.
TEST_P(Nmi, IsNotTakenBehindALoadOfSs) {
    boot(CODE64("inc eax; inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.shadow_mov_ss = true; });
    guest().vcpu->raise_nmi();
    EXPECT_EQ(caught(), kNmi);
    EXPECT_EQ(guest().gpr(kRax), 1u);
}

TEST_P(Nmi, WakesAHaltedVcpu) {
    boot(CODE64("hlt; inc eax; out 0xF4, al"));
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    guest().vcpu->raise_nmi();
    EXPECT_EQ(caught(), kNmi);
    EXPECT_EQ(interrupted(), kEntry + 1);
    EXPECT_FALSE(guest().state().halted);
}

TEST_P(Nmi, ABlockedOneDoesNotWakeAHaltedVcpu) {
    boot(CODE64("hlt; inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.nmi_blocked = true; });
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    guest().vcpu->raise_nmi();
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

}  // namespace
}  // namespace hvlab::conformance
