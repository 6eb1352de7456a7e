// SPDX-License-Identifier: GPL-2.0-or-later
//
// An interrupt that was acknowledged but not yet delivered (CpuState::interrupt): the controller
// has forgotten it, so the state carries it, and it is delivered once, before all that comes later.
#include "core/cpu/cpu_state_io.h"

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint8_t kVector = 0x41;
constexpr std::uint8_t kLater = 0x42;
constexpr GuestAddress kService = 0x3000;

class Acknowledged : public GuestTest {
protected:
    // Counts in RBX how often it is interrupted by kVector; any other vector ends the run.
    static void boot(Guest& guest) {
        guest.boot(CODE64("inc eax; out 0xF4, al"));
        guest.load(CODE64("inc ebx; iretq"), kService);
        guest.catch_everything();
        guest.set_gate({.vector = kVector, .handler = kService});
        guest.change([](CpuState& state) { state.rflags |= 0x200; });
    }
    void boot() { boot(guest()); }
    void acknowledge() {
        guest().change(
            [](CpuState& state) { state.interrupt = {.pending = true, .vector = kVector}; });
    }
    // As a saved state goes: through bytes.
    static void move(Guest& from, Guest& to) {
        StateWriter writer;
        save_cpu_state(writer, from.state());
        StateReader reader(writer.bytes());
        to.ram.copy_from(from.ram);
        to.vm->host_wrote(0, kRamSize);
        to.vcpu->set_state(load_cpu_state(reader));
    }
    static void expect_once(Guest& guest) {
        guest.finish();
        EXPECT_FALSE(guest.caught());
        EXPECT_EQ(guest.gpr(kRbx), 1u);
        EXPECT_EQ(guest.gpr(kRax), 1u);
        EXPECT_FALSE(guest.state().interrupt.pending);
        EXPECT_EQ(guest.handler.acknowledged, 0u) << "nobody is asked once more";
    }
};
ON_EVERY_BACKEND(Acknowledged);

TEST_P(Acknowledged, IsDeliveredOnce) {
    boot();
    acknowledge();
    expect_once(guest());
}

TEST_P(Acknowledged, ComesBeforeTheNextInstruction) {
    boot();
    acknowledge();
    guest().load(CODE64("out 0xF4, al; iretq"), kService);
    guest().finish();
    EXPECT_EQ(guest().rip(), kService + 2);
    EXPECT_EQ(guest().gpr(kRax), 0u);
    EXPECT_EQ(guest().stack<std::uint64_t>(0), kEntry);
}

TEST_P(Acknowledged, ComesBeforeWhatIsRequestedLater) {
    boot();
    acknowledge();
    guest().load(CODE64("out 0xF4, al"), kService);
    guest().handler.request_interrupt(kLater);
    guest().finish();
    EXPECT_EQ(guest().rip(), kService + 2);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
    EXPECT_TRUE(guest().handler.requested);
    EXPECT_FALSE(guest().state().interrupt.pending);
}

TEST_P(Acknowledged, SurvivesBeingReadAndSet) {
    boot();
    acknowledge();
    for (int i = 0; i < 3; ++i) {
        const CpuState state = guest().state();
        EXPECT_TRUE(state.interrupt.pending);
        EXPECT_EQ(state.interrupt.vector, kVector);
        guest().vcpu->set_state(state);
    }
    expect_once(guest());
}

TEST_P(Acknowledged, MovesToAFreshVm) {
    boot();
    acknowledge();
    Guest other(backend());
    move(guest(), other);
    expect_once(other);
}

TEST_P(Acknowledged, IsForgottenWithTheState) {
    boot();
    const CpuState before = guest().state();
    acknowledge();
    guest().vcpu->set_state(before);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

TEST_P(Acknowledged, WakesAHaltedVcpu) {
    boot();
    acknowledge();
    guest().change([](CpuState& state) { state.halted = true; });
    expect_once(guest());
}

TEST_P(Acknowledged, IsNotLostByAKickAtThatMoment) {
    // The run ends before or behind the delivery; in a fresh VM the guest goes on either way.
    boot();
    guest().handler.request_interrupt(kVector);
    guest().handler.on_acknowledge = [&] { guest().vcpu->kick(); };
    EXPECT_EQ(guest().vcpu->run({}).kind, ExitKind::kKicked);
    EXPECT_EQ(guest().handler.acknowledged, 1u);
    Guest other(backend());
    move(guest(), other);
    expect_once(other);
}

}  // namespace
}  // namespace hvlab::conformance
