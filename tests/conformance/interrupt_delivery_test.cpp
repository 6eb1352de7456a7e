// SPDX-License-Identifier: GPL-2.0-or-later
//
// What delivery of an interrupt does: gates and stacks in each mode. Intel SDM vol. 3
// s. 6.12, 6.14.
#include "tests/conformance/support/interrupt.h"

namespace hvlab::conformance {
namespace {

class InterruptDelivery : public InterruptTest {};
ON_EVERY_BACKEND(InterruptDelivery);

TEST_P(InterruptDelivery, AnInterruptGateClosesTheWindow) {
    boot(CODE64("out 0xF4, al"));
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().state().rflags & kInterruptFlag, 0u);
    EXPECT_NE(guest().caught()->flags & kInterruptFlag, 0u);
}

TEST_P(InterruptDelivery, ATrapGateLeavesItOpen) {
    boot(CODE64("out 0xF4, al"));
    guest().set_gate({.vector = kVector, .handler = kStubs + kVector * 16, .trap = true});
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_NE(guest().state().rflags & kInterruptFlag, 0u);
}

TEST_P(InterruptDelivery, FromUserModeTheStackIsTheTasks) {
    boot(CODE64("1: jmp 1b"), Mode::kUser64);
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRsp), kKernelStack - 5 * 8);
    EXPECT_EQ(guest().stack<std::uint64_t>(24), kStack);
    EXPECT_EQ(guest().stack<std::uint64_t>(32), kUserData);
    EXPECT_EQ(guest().state().cs.dpl, 0);
    EXPECT_EQ(guest().state().ss.selector, 0) << "a null selector (SDM vol. 3 s. 6.14.4)";
}

TEST_P(InterruptDelivery, AnInterruptStackIsUsed) {
    boot(CODE64("out 0xF4, al"));
    guest().set_gate({.vector = kVector, .handler = kStubs + kVector * 16, .ist = 1});
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRsp), kInterruptStack - 5 * 8);
}

TEST_P(InterruptDelivery, TheStackIsAlignedInLongMode) {
    boot(CODE64("out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.gpr[kRsp] = kStack - 3;
        state.rflags |= kInterruptFlag;
    });
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRsp), kStack - 16 - 5 * 8);
    EXPECT_EQ(guest().stack<std::uint64_t>(24), kStack - 3);
}

TEST_P(InterruptDelivery, InRealModeComeThroughTheVectorTable) {
    boot(CODE16("inc ax; out 0xF4, al"), Mode::kReal);
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(interrupted(), kEntry);
    EXPECT_EQ(guest().gpr(kRsp), 0x8000u - 6);
}

TEST_P(InterruptDelivery, InProtectedModeComeThroughAGate) {
    boot(CODE32("inc eax; out 0xF4, al"), Mode::kProtected32);
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().caught()->cs, kCode32);
    EXPECT_EQ(guest().gpr(kRsp), kStack - 12);
}

TEST_P(InterruptDelivery, FromUser32TheStackIsTheTasks) {
    boot(CODE32("1: jmp 1b"), Mode::kUser32);
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_EQ(guest().gpr(kRsp), kKernelStack - 20);
    EXPECT_EQ(guest().state().ss.selector, kData32);
}

TEST_P(InterruptDelivery, FromCompatibilityModeTheHandlerIs64Bit) {
    boot(CODE32("1: jmp 1b"), Mode::kCompatibility);
    enable(guest());
    request();
    EXPECT_EQ(caught(), kVector);
    EXPECT_TRUE(guest().state().cs.l);
    EXPECT_EQ(guest().caught()->cs, kCode32);
}

}  // namespace
}  // namespace hvlab::conformance
