// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each kind of exit: when it comes, what it says, and that the state is consistent behind it.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class Exits : public GuestTest {
protected:
    Exit run() { return guest().run(); }
};
ON_EVERY_BACKEND(Exits);

// ---- Stops

TEST_P(Exits, StoppedRightBehindAPortWrite) {
    guest().boot(CODE64("nop; out 0xF4, al; inc eax; hlt"));
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 3);
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "a stop ends one run";
    EXPECT_EQ(guest().gpr(kRax), 1u);
}

TEST_P(Exits, StoppedRightBehindAPortRead) {
    guest().boot(CODE64("in al, 0x60; inc ebx; hlt"));
    guest().handler.on_access = [&](const Access&) { guest().vcpu->request_stop(); };
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    EXPECT_EQ(guest().gpr(kRax), device_byte(0x60)) << "the read has completed";
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

TEST_P(Exits, StoppedRightBehindAMemoryRead) {
    guest().boot(CODE64("mov eax, [rdi]; inc ebx; hlt"));
    guest().set(kRdi, kDevice);
    guest().handler.on_access = [&](const Access&) { guest().vcpu->request_stop(); };
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    EXPECT_EQ(guest().gpr(kRax), device_value(kDevice, 4));
    EXPECT_EQ(guest().gpr(kRbx), 0u);
    EXPECT_EQ(guest().handler.accesses.size(), 1u) << "made once";
}

TEST_P(Exits, StoppedRightBehindAMemoryWrite) {
    guest().boot(CODE64("mov [rdi], eax; inc ebx; hlt"));
    guest().set(kRdi, kDevice);
    guest().handler.on_access = [&](const Access&) { guest().vcpu->request_stop(); };
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    EXPECT_EQ(guest().gpr(kRbx), 0u);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().handler.accesses.size(), 1u) << "made once";
}

TEST_P(Exits, StoppedBehindTheWholeOfAReadModifyWrite) {
    guest().boot(CODE64("add [rdi], eax; inc ebx; hlt"));
    guest().change([](CpuState& state) {
        state.gpr[kRdi] = kDevice;
        state.gpr[kRax] = 1;
    });
    guest().handler.on_access = [&](const Access& access) {
        if (access.kind == Access::kMemoryRead) guest().vcpu->request_stop();
    };
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    EXPECT_EQ(
        guest().handler.writes(),
        (std::vector<Access>{{Access::kMemoryWrite, kDevice, 4, device_value(kDevice, 4) + 1}}));
}

TEST_P(Exits, StoppedBetweenTheIterationsOfOuts) {
    guest().boot(CODE64("mov edx, 0xF4; mov esi, 0x50000; mov ecx, 3; rep outsb; hlt"));
    for (const std::uint64_t left : {2, 1, 0}) {
        EXPECT_EQ(run().kind, ExitKind::kStopped);
        EXPECT_EQ(guest().gpr(kRcx), left);
        EXPECT_EQ(guest().gpr(kRsi), kData + 3 - left);
        // Behind the last iteration the instruction may or may not have been left already.
        if (left != 0) {
            EXPECT_EQ(guest().rip(), kEntry + 15);
        }
    }
    EXPECT_EQ(run().kind, ExitKind::kHalted);
}

// ---- Halts

TEST_P(Exits, HaltedBehindTheHlt) {
    guest().boot(CODE64("hlt; inc eax; hlt"));
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().rip(), kEntry + 1);
    EXPECT_TRUE(guest().state().halted);
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "nothing has woken it";
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Exits, AHaltedStateIsSetAndHoldsTheVcpu) {
    guest().boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.halted = true; });
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(guest().gpr(kRax), 0u);
    guest().change([](CpuState& state) { state.halted = false; });
    EXPECT_EQ(run().kind, ExitKind::kStopped);
}

// ---- Shutdown

TEST_P(Exits, TripleFaultStaysUntilAStateIsSet) {
    guest().boot(CODE64("ud2"));
    guest().change([](CpuState& state) { state.idtr.limit = 0; });
    const CpuState before = guest().state();
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    guest().load(CODE64("out 0xF4, al"));
    guest().vcpu->set_state(before);
    EXPECT_EQ(run().kind, ExitKind::kStopped);
}

// Without an interrupt table; one that is used against its limit ends at a stub.
Exit run_into_a_triple_fault(Guest& guest, Mode mode) {
    guest.boot(CODE32("ud2"), mode);
    guest.catch_everything();
    guest.change([](CpuState& state) { state.idtr.limit = 0; });
    return guest.run();
}

TEST_P(Exits, TripleFaultInEveryProtectedMode) {
    for (const Mode mode :
         {Mode::kProtected32, Mode::kProtected16, Mode::kCompatibility, Mode::kUser64}) {
        Guest guest(backend());
        EXPECT_EQ(run_into_a_triple_fault(guest, mode).kind, ExitKind::kTripleFault)
            << to_string(mode);
    }
}

TEST_P(Exits, TripleFaultInRealMode) {
    EXPECT_EQ(run_into_a_triple_fault(guest(), Mode::kReal).kind, ExitKind::kTripleFault);
}

TEST_P(Exits, ADoubleFaultThatIsHandledIsNone) {
    guest().boot(CODE64("ud2"));
    guest().catch_everything();
    guest().set_gate({.vector = 6, .handler = 0, .present = false});   // #NP on #UD: benign
    guest().set_gate({.vector = 11, .handler = 0, .present = false});  // then #NP on #NP
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 8u);
    EXPECT_EQ(guest().caught()->error_code, 0u);
}

TEST_P(Exits, PageTablesOutsideMemoryFault) {
    guest().boot(CODE64("mov eax, [rdi]"));
    // A page directory where there is nothing.
    guest().ram.put(0x11000 + 5 * 8, std::uint64_t{0x40000007});
    guest().change([](CpuState& state) {
        state.gpr[kRdi] = 5 * kGiB;
        state.idtr.limit = 0;
    });
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    EXPECT_EQ(guest().state().cr2, 5 * kGiB);
    EXPECT_TRUE(guest().handler.accesses.empty()) << "a page walk is no device access";
}

// ---- Fetches from nowhere

TEST_P(Exits, AFetchFromNowhereNamesTheAddress) {
    guest().boot(CODE64("jmp rax"));
    guest().set(kRax, kDevice + 0x123);
    for (int i = 0; i < 2; ++i) {
        const Exit exit = run();
        EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
        EXPECT_EQ(exit.address, kDevice + 0x123);
        EXPECT_EQ(guest().rip(), kDevice + 0x123);
    }
    EXPECT_TRUE(guest().handler.accesses.empty()) << "a fetch is no device access";
}

TEST_P(Exits, AFetchFaultNamesThePhysicalAddress) {
    guest().boot(CODE64("jmp rax"));
    guest().ram.put(kPageTable + 0x191 * 8, std::uint64_t{0xFE345007});
    guest().set(kRax, 0x191000 + 0x10);
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, 0xFE345010u);
    EXPECT_EQ(guest().rip(), 0x191010u);
}

TEST_P(Exits, RunningOffTheEndOfMemory) {
    guest().boot(CODE64("jmp rax"));
    guest().high.put(kHighRamSize - 3, std::uint8_t{0x90});
    guest().high.put(kHighRamSize - 2, std::uint16_t{0xC0FF});  // inc eax
    guest().set(kRax, kHighRam + kHighRamSize - 3);
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, kHighRam + kHighRamSize);
    EXPECT_EQ(guest().rip(), kHighRam + kHighRamSize);
    EXPECT_EQ(guest().gpr(kRax), 1 + ((kHighRam + kHighRamSize - 3) & 0xFFFFFFFF))
        << "what was whole has been executed";
}

TEST_P(Exits, AnInstructionCutByTheEndOfMemory) {
    guest().boot(CODE64("jmp rax"));
    guest().high.put(kHighRamSize - 3, std::uint8_t{0x90});
    guest().high.put(kHighRamSize - 2, std::uint16_t{0x00B8});  // mov eax, and three bytes missing
    guest().set(kRax, kHighRam + kHighRamSize - 3);
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, kHighRam + kHighRamSize);
    EXPECT_EQ(guest().rip(), kHighRam + kHighRamSize - 2);
}

TEST_P(Exits, AFetchFaultGoesAwayWithItsCause) {
    guest().boot(CODE64("jmp rax"));
    guest().set(kRax, kRamSize);
    EXPECT_EQ(run().kind, ExitKind::kFetchFault);
    Ram more(kPageSize);
    more.put(0, CODE64("out 0xF4, al"));
    guest().vm->map_memory(kRamSize, more.bytes(), true);
    EXPECT_EQ(run().kind, ExitKind::kStopped);
}

TEST_P(Exits, AHandlerThatCannotBeFetched) {
    guest().boot(CODE64("ud2"));
    guest().set_gate({.vector = 6, .handler = kDevice});
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, kDevice);
    EXPECT_EQ(guest().stack<std::uint64_t>(0), kEntry) << "the exception has been delivered";
}

TEST_P(Exits, EveryKindHasAName) {
    for (const ExitKind kind :
         {ExitKind::kBudget, ExitKind::kKicked, ExitKind::kStopped, ExitKind::kHalted,
          ExitKind::kTripleFault, ExitKind::kFetchFault, ExitKind::kDebug, ExitKind::kInternal}) {
        EXPECT_FALSE(to_string(kind).empty());
    }
}

}  // namespace
}  // namespace hvlab::conformance
