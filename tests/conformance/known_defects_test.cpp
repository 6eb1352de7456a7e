// SPDX-License-Identifier: GPL-2.0-or-later
//
// What random programs found: the smallest program of each defect.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class Found : public BackendTest {
protected:
    void SetUp() override {
        BackendTest::SetUp();
        NEEDS(Feature::kInstructionCount);
    }
    // The flags behind `instructions`: in single steps and in one run.
    void expect_the_same_flags(std::span<const std::byte> code, std::uint64_t instructions,
                               const std::function<void(CpuState&)>& prepare = {}) {
        std::uint64_t flags[2] = {};
        for (const bool steps : {false, true}) {
            Guest guest(backend());
            guest.boot(code);
            guest.ram.put(kData, ~0ull);
            guest.change([&](CpuState& state) {
                state.gpr[kRdi] = kDevice;
                state.gpr[kRsi] = kData;
                if (prepare) prepare(state);
            });
            for (std::uint64_t i = 0; steps && i < instructions; ++i) guest.step(1);
            if (!steps) guest.step(instructions);
            flags[steps] = guest.state().rflags;
        }
        EXPECT_EQ(flags[0], flags[1]);
        EXPECT_EQ(flags[0] & ~0x3F7FD7ull, 0u) << "bits that are no flags";
    }
};
ON_EVERY_BACKEND(Found);

TEST_P(Found, BitTestKeepsTheFlagsThatItDoesNotSet) {
    expect_the_same_flags(CODE64("shl ebx, 0x9d; btr ecx, 5; nop"), 2, [](CpuState& state) {
        state.gpr[kRbx] = 0x12345678;
        state.gpr[kRcx] = 0xFFFF;
    });
}

TEST_P(Found, SetccOfADeviceKeepsTheFlags) {
    expect_the_same_flags(
        CODE64("adc qword ptr [rsi], -0xde02b91; setp byte ptr [rdi]; nop; nop; nop"), 4);
}

TEST_P(Found, RotationOfADeviceKeepsTheFlags) {
    expect_the_same_flags(CODE64("neg ebx; rol byte ptr [rdi], 0xd0; nop; nop; nop"), 4,
                          [](CpuState& state) { state.gpr[kRbx] = 0xC0000000; });
}

TEST_P(Found, AnAnswerIsNoLongerThanTheAccess) {
    // A handler may answer more than it was asked for: a rotation by a multiple of eight bits took
    // the flags of that.
    Guest guest(backend());
    guest.handler.answer = [](const Access&) { return 0x1122334455667788u; };
    guest.boot(
        CODE64("rol byte ptr [rdi], 0xb0; pushfq; movzx eax, word ptr [rdi]; mov ebx, [rdi]"));
    guest.set(kRdi, kDevice);
    guest.step(2);
    EXPECT_EQ(guest.stack<std::uint64_t>(0) & ~0x3F7FD7ull, 0u) << "bits that are no flags";
    guest.step(2);
    EXPECT_EQ(guest.gpr(kRax), 0x7788u);
    EXPECT_EQ(guest.gpr(kRbx), 0x55667788u);
}

TEST_P(Found, LoopneKeepsTheFlags) {
    expect_the_same_flags(CODE64("imul dx, bp; loopne 1f; 1: nop"), 2, [](CpuState& state) {
        state.gpr[kRdx] = 0x7F2A;
        state.gpr[kRbp] = 0x5311;
        state.gpr[kRcx] = 1;
    });
}

TEST_P(Found, ASetccThatFaultsKeepsTheFlags) {
    Guest guest(backend());
    guest.boot(CODE64("adc qword ptr [0x50000], -0xde02b91; setp byte ptr [0x180000]"));
    guest.catch_everything();
    guest.ram.put(kData, ~0ull);
    guest.finish();
    ASSERT_TRUE(guest.caught());
    EXPECT_EQ(guest.caught()->flags & 1, 1u) << "the carry of ADC";
}

TEST_P(Found, PcmpestriOfTheSmallestLength) {
    // Intel SDM vol. 2 s. 4.1.5: the length's absolute value, saturated.
    const auto run = [this] {
        Guest guest(backend());
        guest.boot(CODE64("pcmpestri xmm0, xmm1, 0x0d; out 0xF4, al"));
        guest.change([](CpuState& state) {
            state.gpr[kRax] = 0x80000000;
            state.gpr[kRdx] = 0x80000000;
        });
        const Exit exit = guest.run();
        std::exit(exit.kind == ExitKind::kStopped && guest.gpr(kRcx) == 0 ? 0 : 1);
    };
    EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hvlab::conformance
