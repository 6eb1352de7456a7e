// SPDX-License-Identifier: GPL-2.0-or-later
//
// GeneralRegisters: the registers that most exits are about, the same as those of the whole state.
#include "tests/conformance/support/random_state.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

Registers of(const CpuState& state) {
    return {.gpr = state.gpr, .rip = state.rip, .rflags = state.rflags};
}

class GeneralRegister : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kGeneralRegisters);
        registers_ = guest().vcpu->capability<GeneralRegisters>();
        ASSERT_NE(registers_, nullptr);
    }
    GeneralRegisters& registers() { return *registers_; }
    void expect_agreement() { EXPECT_EQ(registers().registers(), of(guest().state())); }

private:
    GeneralRegisters* registers_ = nullptr;
};
ON_EVERY_BACKEND(GeneralRegister);

TEST_P(GeneralRegister, AgreeWithAStateThatWasSet) {
    RandomStream random(Seed(12));
    guest().enter(Mode::kLong);
    const CpuState base = guest().state();
    for (int i = 0; i < 50; ++i) {
        const CpuState state = random_state(base, random);
        guest().vcpu->set_state(state);
        ASSERT_EQ(registers().registers(), of(state)) << i;
    }
}

TEST_P(GeneralRegister, AgreeBehindEachKindOfExit) {
    expect_agreement();
    guest().boot(CODE64("in al, 0x60; mov rbx, [rdi]; stc; out 0xF4, al; std; hlt"));
    guest().set(kRdi, kDevice);
    guest().handler.on_access = [&](const Access&) { guest().vcpu->request_stop(); };
    for (const std::uint64_t rip : {2, 5, 8, 10}) {
        guest().run();
        expect_agreement();
        EXPECT_EQ(registers().registers().rip, kEntry + rip);
    }
    EXPECT_EQ(registers().registers().gpr[kRax] & 0xFF, device_byte(0x60));
    EXPECT_EQ(registers().registers().gpr[kRbx], device_value(kDevice, 8));
    EXPECT_EQ(registers().registers().rflags & 0x401, 0x401u);
    guest().boot(CODE64("1: inc eax; jmp 1b"));
    guest().vcpu->kick();
    EXPECT_EQ(guest().run().kind, ExitKind::kKicked);
    expect_agreement();
}

TEST_P(GeneralRegister, SetOnesAreInTheStateAndNothingElseChanges) {
    RandomStream random(Seed(13));
    guest().enter(Mode::kLong);
    CpuState state = guest().state();
    Registers wanted;
    for (auto& reg : wanted.gpr) reg = random.next();
    wanted.rip = 0x4321;
    wanted.rflags = 0x8D7;
    registers().set_registers(wanted);
    EXPECT_EQ(registers().registers(), wanted);
    state.gpr = wanted.gpr;
    state.rip = wanted.rip;
    state.rflags = wanted.rflags;
    EXPECT_EQ(guest().state(), state);
}

TEST_P(GeneralRegister, SetOnesAreSeenByTheGuest) {
    guest().boot(CODE64("ud2"));
    guest().load(CODE64("pushfq; pop rcx; lea rdx, [rax + rbx]; out 0xF4, al"), 0x3000);
    Registers now = registers().registers();
    now.gpr[kRax] = 0x1000000000;
    now.gpr[kRbx] = 7;
    now.rip = 0x3000;
    now.rflags = 0x8C7;
    registers().set_registers(now);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRdx), 0x1000000007u);
    EXPECT_EQ(guest().gpr(kRcx), 0x8C7u);
    expect_agreement();
}

TEST_P(GeneralRegister, AStateThatIsSetOverrulesThem) {
    guest().boot(CODE64("out 0xF4, al"));
    const CpuState state = guest().state();
    Registers now = registers().registers();
    now.rip = 0x3000;
    registers().set_registers(now);
    guest().vcpu->set_state(state);
    guest().finish();
    EXPECT_EQ(guest().rip(), kEntry + 2);
}

TEST_P(GeneralRegister, SetBehindAnAccessTheyDoNotRepeatIt) {
    // Back to the instruction that made it: once more, and only then.
    guest().boot(CODE64("in al, 0x60; out 0xF4, al"));
    guest().handler.on_access = [&](const Access&) { guest().vcpu->request_stop(); };
    EXPECT_EQ(guest().run().kind, ExitKind::kStopped);
    registers().set_registers(registers().registers());
    guest().finish();
    EXPECT_EQ(guest().handler.accesses.size(), 1u);
    Registers now = registers().registers();
    now.rip = kEntry;
    registers().set_registers(now);
    EXPECT_EQ(guest().run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().handler.accesses.size(), 2u);
}

TEST_P(GeneralRegister, DecideTheInterruptWindow) {
    guest().boot(CODE64("out 0xF4, al"));
    guest().catch_everything();
    Registers now = registers().registers();
    EXPECT_FALSE(guest().vcpu->interrupt_window());
    now.rflags |= 0x200;
    registers().set_registers(now);
    EXPECT_TRUE(guest().vcpu->interrupt_window());
    guest().handler.request_interrupt(0x30);
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 0x30u);
}

}  // namespace
}  // namespace hvlab::conformance
