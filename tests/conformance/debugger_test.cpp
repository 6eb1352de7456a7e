// SPDX-License-Identifier: GPL-2.0-or-later
//
// Debugger: single steps and breakpoints that the guest does not notice.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kDebugVector = 1;

// What both kinds of test need.
Debugger& debugger_of(Guest& guest) {
    Debugger* const debugger = guest.vcpu->capability<Debugger>();
    HVLAB_ASSERT(debugger != nullptr);
    return *debugger;
}

// ---- In every mode

class DebuggedModes : public TableTest<Mode> {
protected:
    void SetUp() override {
        TableTest::SetUp();
        NEEDS(Feature::kDebugger);
        if (needs_legacy_paging(row())) {
            NEEDS(Feature::kLegacyPaging);
        }
    }
    // Three instructions of two bytes in every mode, then the end; traps of the guest end the run.
    static void boot(Guest& guest) {
        guest.boot(CODE32("inc ecx; inc ebx; test ecx, ecx; out 0xF4, al"), row());
        guest.load({0xFF, 0xC1, 0xFF, 0xC3, 0x85, 0xC9, 0xE6, 0xF4}, kEntry);
        guest.catch_everything();
        guest.change([](CpuState& state) { state.rflags |= 0x3000; });
    }
};
ON_EVERY_BACKEND_FOR(DebuggedModes, kModes);

TEST_P(DebuggedModes, ASingleStepIsOneInstruction) {
    Guest guest(backend());
    boot(guest);
    debugger_of(guest).set_debugging({.single_step = true});
    for (const std::uint64_t offset : {2, 4, 6}) {
        const Exit exit = guest.run();
        ASSERT_EQ(exit.kind, ExitKind::kDebug) << offset;
        EXPECT_EQ(exit.address, kEntry + offset);
        EXPECT_EQ(guest.rip(), kEntry + offset);
        EXPECT_NE(exit.code & 0x4000, 0u) << "DR6.BS";
    }
    EXPECT_EQ(guest.gpr(kRcx), 1u);
    EXPECT_EQ(guest.gpr(kRbx), 1u);
    debugger_of(guest).set_debugging({});
    guest.finish();
    EXPECT_EQ(guest.rip(), kEntry + 8);
}

TEST_P(DebuggedModes, ABreakpointStopsBeforeItsInstruction) {
    Guest guest(backend());
    boot(guest);
    debugger_of(guest).set_debugging({.breakpoints = {kEntry + 2}});
    const Exit exit = guest.run();
    ASSERT_EQ(exit.kind, ExitKind::kDebug);
    EXPECT_EQ(exit.address, kEntry + 2);
    EXPECT_EQ(guest.rip(), kEntry + 2);
    EXPECT_EQ(guest.gpr(kRcx), 1u);
    EXPECT_EQ(guest.gpr(kRbx), 0u);
    debugger_of(guest).set_debugging({});
    guest.finish();
    EXPECT_EQ(guest.gpr(kRbx), 1u);
}

// ---- Details

class Debugged : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kDebugger);
    }
    void set(const Debugging& debugging) { debugger_of(guest()).set_debugging(debugging); }
    void expect_breakpoint(GuestAddress address) {
        const Exit exit = guest().run();
        ASSERT_EQ(exit.kind, ExitKind::kDebug) << exit.detail;
        EXPECT_EQ(exit.address, address);
    }
    // Past a breakpoint: a step without it.
    void step_over() {
        set({.single_step = true});
        EXPECT_EQ(guest().run().kind, ExitKind::kDebug);
    }
};
ON_EVERY_BACKEND(Debugged);

TEST_P(Debugged, FourBreakpointsAndNoMore) {
    guest().boot(CODE64("nop; nop; nop; nop; nop; out 0xF4, al"));
    Debugging all{.breakpoints = {kEntry + 1, kEntry + 2, kEntry + 3, kEntry + 4}};
    for (const GuestAddress address : all.breakpoints) {
        set(all);
        expect_breakpoint(address);
        step_over();
    }
    set(all);
    guest().finish();
    all.breakpoints.push_back(kEntry);
    EXPECT_THROW(set(all), BackendError);
}

TEST_P(Debugged, ABreakpointInALoopStopsEachRound) {
    guest().boot(CODE64("1: inc ecx; inc ebx; cmp ecx, 5; jne 1b; out 0xF4, al"));
    for (std::uint64_t round = 1; round <= 5; ++round) {
        set({.breakpoints = {kEntry + 2}});
        expect_breakpoint(kEntry + 2);
        EXPECT_EQ(guest().gpr(kRcx), round);
        EXPECT_EQ(guest().gpr(kRbx), round - 1);
        step_over();
    }
    set({});
    guest().finish();
}

TEST_P(Debugged, ARunThatBeginsAtABreakpointStopsThere) {
    guest().boot(CODE64("inc ecx; out 0xF4, al"));
    set({.breakpoints = {kEntry}});
    expect_breakpoint(kEntry);
    expect_breakpoint(kEntry);
    EXPECT_EQ(guest().gpr(kRcx), 0u);
}

TEST_P(Debugged, AddressesAreLinear) {
    guest().boot(CODE16("inc cx; inc cx; out 0xF4, al"), Mode::kReal);
    guest().change([](CpuState& state) {
        state.cs.selector = kEntry >> 4;
        state.cs.base = kEntry;
        state.rip = 0;
    });
    set({.breakpoints = {kEntry + 1}});
    expect_breakpoint(kEntry + 1);
    EXPECT_EQ(guest().rip(), 1u);
    step_over();
    EXPECT_EQ(guest().rip(), 2u);
}

TEST_P(Debugged, AStepMakesItsAccesses) {
    guest().boot(CODE64("in al, 0x60; mov [rdi], eax; push rax; hlt"));
    guest().set(kRdi, kDevice);
    set({.single_step = true});
    for (const std::size_t accesses : {1, 2, 2}) {
        EXPECT_EQ(guest().run().kind, ExitKind::kDebug);
        EXPECT_EQ(guest().handler.accesses.size(), accesses);
    }
    EXPECT_EQ(guest().stack<std::uint64_t>(0), device_byte(0x60));
}

TEST_P(Debugged, TheStateTellsTheGuestsOwnRegisters) {
    guest().boot(CODE64("nop; nop; nop; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.dr = {0x1111, 0x2222, 0x3333, 0x4444};
        state.dr6 = 0xFFFF0FF0;
        state.dr7 = 0x400;
    });
    const CpuState before = guest().state();
    for (const Debugging& debugging :
         {Debugging{.single_step = true}, Debugging{.breakpoints = {kEntry + 2}}}) {
        set(debugging);
        EXPECT_EQ(guest().run().kind, ExitKind::kDebug);
        const CpuState now = guest().state();
        EXPECT_EQ(now.dr, before.dr);
        EXPECT_EQ(now.dr6, before.dr6);
        EXPECT_EQ(now.dr7, before.dr7);
        EXPECT_EQ(now.rflags & 0x100, 0u);
        EXPECT_FALSE(now.exception.pending);
    }
}

TEST_P(Debugged, TheGuestReadsItsOwnRegisters) {
    guest().boot(CODE64("mov rax, dr7; mov rbx, dr0; mov rcx, dr6; nop; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.dr[0] = 0x1234;
        state.dr6 = 0xFFFF0FF0;
        state.dr7 = 0x400;
    });
    set({.breakpoints = {kEntry + 9}});
    expect_breakpoint(kEntry + 9);
    EXPECT_EQ(guest().gpr(kRax), 0x400u);
    EXPECT_EQ(guest().gpr(kRbx), 0x1234u);
    EXPECT_EQ(guest().gpr(kRcx), 0xFFFF0FF0u);
}

TEST_P(Debugged, SteppedThroughTheGuestDoesTheSame) {
    // Until the stop port; with page faults, an exception that returns, and a port.
    const auto code = CODE64(
        "mov ecx, 5; 1: mov [rdi + rcx * 8], ecx; push rcx; in al, 0x60; add eax, ecx;"
        "ud2; pop rdx; loop 1b; out 0xF4, al");
    Guest plain(backend());
    for (Guest* each : {&plain, &guest()}) {
        each->boot(code);
        each->load(CODE64("add qword ptr [rsp], 2; inc ebx; iretq"), 0x3000);
        each->set_gate({.vector = 6, .handler = 0x3000});
        each->set(kRdi, kData);
    }
    plain.finish();
    set({.single_step = true});
    Exit exit;
    unsigned steps = 0;
    do {
        exit = guest().run();
        ++steps;
    } while (exit.kind == ExitKind::kDebug && steps < 1000);
    EXPECT_EQ(exit.kind, ExitKind::kStopped);
    EXPECT_GT(steps, 40u);
    EXPECT_EQ(guest().state(), plain.state());
    EXPECT_EQ(guest().ram, plain.ram);
}

TEST_P(Debugged, WhileThereAreBreakpointsTheGuestsOwnHaveNoEffect) {
    NEEDS(Feature::kBreakpoints);
    const auto boot = [&] {
        guest().boot(CODE64("nop; nop; nop; out 0xF4, al"));
        guest().catch_everything();
        guest().change([](CpuState& state) {
            state.dr[1] = kEntry + 1;
            state.dr7 = 0x408;
        });
    };
    boot();
    set({.breakpoints = {kEntry + 2}});
    expect_breakpoint(kEntry + 2);
    boot();
    set({});
    guest().finish();
    ASSERT_TRUE(guest().caught()) << "they have it again";
    EXPECT_EQ(guest().caught()->vector, kDebugVector);
}

TEST_P(Debugged, StaysOverASetState) {
    guest().boot(CODE64("nop; nop; out 0xF4, al"));
    set({.breakpoints = {kEntry + 1}});
    guest().vcpu->set_state(guest().state());
    expect_breakpoint(kEntry + 1);
}

}  // namespace
}  // namespace hvlab::conformance
