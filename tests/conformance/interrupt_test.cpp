// SPDX-License-Identifier: GPL-2.0-or-later
//
// External interrupts: when they are taken, and what wakes a halted vCPU. Intel SDM vol. 3 ch. 6.
#include "tests/conformance/support/interrupt.h"

namespace hvlab::conformance {
namespace {

class Interrupts : public InterruptTest {};
ON_EVERY_BACKEND(Interrupts);

TEST_P(Interrupts, AreTakenBeforeTheNextInstruction) {
    boot(CODE64("inc eax; out 0xF4, al"));
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry);
    EXPECT_EQ(guest().gpr(kRax), 0u);
    EXPECT_EQ(guest().handler.acknowledged, 1u);
}

TEST_P(Interrupts, WaitWhileTheyAreDisabled) {
    boot(CODE64("inc eax; inc eax; out 0xF4, al"));
    request();
    EXPECT_EQ(caught(), kNotCaught);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
    EXPECT_TRUE(guest().handler.requested);
}

TEST_P(Interrupts, RaisedByAPortWriteAreTakenRightBehindIt) {
    boot(CODE64("out 0x80, al; inc eax; out 0xF4, al"));
    enable(guest());
    guest().handler.on_access = [&](const Access&) { request(); };
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 2);
}

TEST_P(Interrupts, RaisedByAMemoryReadAreTakenRightBehindIt) {
    boot(CODE64("mov eax, [rdi]; inc ebx; out 0xF4, al"));
    guest().set(kRdi, kDevice);
    enable(guest());
    guest().handler.on_access = [&](const Access&) { request(); };
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 2);
    EXPECT_EQ(guest().gpr(kRax), device_value(kDevice, 4));
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

TEST_P(Interrupts, RaisedInTheMiddleOfAReadModifyWriteWaitForItsEnd) {
    boot(CODE64("inc dword ptr [rdi]; inc ebx; out 0xF4, al"));
    guest().set(kRdi, kDevice);
    enable(guest());
    guest().handler.on_access = [&](const Access& access) {
        if (access.kind == Access::kMemoryRead) request();
    };
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 2);
    EXPECT_EQ(guest().handler.writes().size(), 1u);
}

TEST_P(Interrupts, AreTakenBetweenTheIterationsOfAString) {
    boot(CODE64("mov edx, 0x80; mov esi, 0x50000; mov ecx, 5; rep outsb; out 0xF4, al"));
    enable(guest());
    guest().handler.on_access = [&](const Access&) {
        if (guest().handler.accesses.size() == 2) request();
    };
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 15);
    EXPECT_EQ(guest().gpr(kRcx), 3u);
    EXPECT_EQ(guest().gpr(kRsi), kData + 2);
}

TEST_P(Interrupts, AStringGoesOnBehindThem) {
    boot(CODE64("mov edx, 0x80; mov esi, 0x50000; mov ecx, 5; rep outsb; out 0xF4, al"));
    guest().load(CODE64("inc ebx; iretq"), 0x3000);
    guest().set_gate({.vector = kVector, .handler = 0x3000});
    enable(guest());
    guest().handler.on_access = [&](const Access&) { request(); };
    guest().finish();
    EXPECT_EQ(guest().handler.accesses.size(), 5u);
    EXPECT_EQ(guest().gpr(kRbx), 5u);
    EXPECT_EQ(guest().gpr(kRcx), 0u);
}

TEST_P(Interrupts, OpenedByStiWaitForOneInstruction) {
    boot(CODE64("sti; inc eax; inc eax; out 0xF4, al"));
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 3);
    EXPECT_EQ(guest().gpr(kRax), 1u);
}

TEST_P(Interrupts, StiWhileTheyAreEnabledCastsNoShadow) {
    NEEDS(Feature::kInstructionCount);
    boot(CODE64("sti; inc eax; inc eax; out 0xF4, al"));
    enable(guest());
    guest().step(1);
    EXPECT_FALSE(guest().state().shadow_sti);
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Interrupts, StiThenCliIsNoWindow) {
    boot(CODE64("sti; cli; inc eax; out 0xF4, al"));
    request();
    EXPECT_EQ(caught(), kNotCaught);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Interrupts, OpenedByPopfAreTakenAtOnce) {
    boot(CODE64("push 0x202; popfq; inc eax; out 0xF4, al"));
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Interrupts, OpenedByIretAreTakenAtOnce) {
    boot(CODE64("push 0x18; push 0x7F000; push 0x202; push 0x10; push 0x3000; iretq"));
    guest().load(CODE64("inc eax; out 0xF4, al"), 0x3000);
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), 0x3000u);
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Interrupts, MovSsHoldsThemOffForOneInstruction) {
    // The device that gives the selector raises the line.
    boot(CODE64("mov ss, word ptr [rdi]; inc eax; inc eax; out 0xF4, al"));
    guest().set(kRdi, kDevice);
    enable(guest());
    guest().handler.answer = [&](const Access&) {
        request();
        return std::uint64_t{kData32};
    };
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRax), 1u);
}

TEST_P(Interrupts, TheShadowOfStiEndsAtARet) {
    // RET leaves by an indirect jump; the interrupt must come before what it returns to, also when
    // all of it has been executed before.
    boot(CODE64("push 0x1020; sti; ret"));
    guest().load(CODE64("inc eax; inc eax; out 0xF4, al"), kEntry + 0x20);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 2u);
    guest().change([](CpuState& state) {
        state.rip = kEntry;
        state.gpr[kRax] = 0;
        state.rflags = 2;
    });
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 0x20);
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Interrupts, AnExceptionEndsTheShadow) {
    boot(CODE64("sti; ud2"));
    guest().load(CODE64("nop; out 0xF4, al"), 0x3000);
    guest().set_gate({.vector = 6, .handler = 0x3000, .trap = true});  // IF stays set
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), 0x3000u) << "before the first instruction of the #UD handler";
}

TEST_P(Interrupts, ASetShadowHoldsThemOff) {
    for (bool CpuState::*shadow : {&CpuState::shadow_sti, &CpuState::shadow_mov_ss}) {
        boot(CODE64("inc eax; inc eax; out 0xF4, al"));
        guest().change([=](CpuState& state) {
            state.rflags |= kInterruptFlag;
            state.*shadow = true;
        });
        EXPECT_FALSE(guest().vcpu->interrupt_window());
        request();
        EXPECT_EQ(caught(), kVector);
        EXPECT_EQ(guest().gpr(kRax), 1u);
    }
}

TEST_P(Interrupts, TheWindowIsTheFlagWithoutAShadow) {
    boot(CODE64("nop; out 0xF4, al"));
    EXPECT_FALSE(guest().vcpu->interrupt_window());
    enable(guest());
    EXPECT_TRUE(guest().vcpu->interrupt_window());
}

TEST_P(Interrupts, TheShadowIsSeenStepByStep) {
    NEEDS(Feature::kInstructionCount);
    boot(CODE64("sti; nop; mov ecx, ss; mov ss, ecx; nop; nop"));
    guest().step(1);
    EXPECT_TRUE(guest().state().shadow_sti);
    EXPECT_FALSE(guest().state().shadow_mov_ss);
    EXPECT_FALSE(guest().vcpu->interrupt_window());
    guest().step(1);
    EXPECT_FALSE(guest().state().shadow_sti);
    EXPECT_TRUE(guest().vcpu->interrupt_window());
    guest().step(2);
    EXPECT_TRUE(guest().state().shadow_mov_ss);
    EXPECT_FALSE(guest().state().shadow_sti);
    guest().step(1);
    EXPECT_FALSE(guest().state().shadow_mov_ss);
}

TEST_P(Interrupts, PopSsCastsAShadow) {
    NEEDS(Feature::kInstructionCount);
    boot(CODE32("push ss; pop ss; nop"), Mode::kProtected32);
    guest().step(2);
    EXPECT_TRUE(guest().state().shadow_mov_ss);
    guest().step(1);
    EXPECT_FALSE(guest().state().shadow_mov_ss);
}

TEST_P(Interrupts, OneThatGoesAwayIsNotTaken) {
    boot(CODE64("inc eax; out 0xF4, al"));
    enable(guest());
    guest().vcpu->set_interrupt_line(true);
    guest().vcpu->set_interrupt_line(false);
    EXPECT_EQ(caught(), kNotCaught);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Interrupts, OneWithoutAVectorIsNotTaken) {
    boot(CODE64("inc eax; out 0xF4, al"));
    enable(guest());
    guest().vcpu->set_interrupt_line(true);  // but the handler has nothing
    EXPECT_EQ(caught(), kNotCaught);
    EXPECT_GE(guest().handler.acknowledged, 1u);
    EXPECT_EQ(guest().gpr(kRax), 1u);
}

TEST_P(Interrupts, TheNextIsTakenBehindTheFirst) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().load(CODE64("out 0x80, al; iretq"), 0x3000);
    guest().set_gate({.vector = kVector, .handler = 0x3000});
    enable(guest());
    request();
    guest().handler.on_access = [&](const Access&) { guest().handler.request_interrupt(0x31); };
    EXPECT_EQ(caught(), 0x31u);
    EXPECT_EQ(interrupted(), kEntry) << "IRETQ has opened the window again";
}

TEST_P(Interrupts, EveryVectorIsDelivered) {
    for (unsigned vector = 32; vector < 256; ++vector) {
        boot(CODE64("out 0xF4, al"));
        enable(guest());
        guest().handler.request_interrupt(static_cast<std::uint8_t>(vector));
        ASSERT_EQ(caught(), vector);
    }
}

// ---- Halted

TEST_P(Interrupts, WakeAHaltedVcpu) {
    boot(CODE64("sti; hlt; inc eax; out 0xF4, al"));
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    EXPECT_TRUE(guest().vcpu->interrupt_window());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 2) << "behind HLT";
    EXPECT_FALSE(guest().state().halted);
}

TEST_P(Interrupts, DisabledOnesDoNotWakeAHaltedVcpu) {
    boot(CODE64("hlt; inc eax; out 0xF4, al"));
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    request();
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().gpr(kRax), 0u);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Interrupts, StiHltIsAtomic) {
    // The classical idle loop: what is pending already comes behind HLT, not before it.
    boot(CODE64("sti; hlt; inc eax; out 0xF4, al"));
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry + 2);
}

TEST_P(Interrupts, ASpuriousWakeLeavesAWokenVcpu) {
    // INTR was high, so the vCPU woke; that there was no vector changes nothing of it, or it halts
    // again: either way it loses nothing of what comes later.
    boot(CODE64("sti; hlt; inc eax; out 0xF4, al"));
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    guest().vcpu->set_interrupt_line(true);
    const Exit exit = guest().run();
    EXPECT_TRUE(exit.kind == ExitKind::kStopped || exit.kind == ExitKind::kHalted);
    if (exit.kind == ExitKind::kHalted) {
        request();
        EXPECT_EQ(caught(), kVector);
    }
}

}  // namespace
}  // namespace hvlab::conformance
