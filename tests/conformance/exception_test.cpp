// SPDX-License-Identifier: GPL-2.0-or-later
//
// Exceptions: each cause with its vector, error code, saved RIP (of a fault the instruction, of a
// trap the next one) and CR2. Intel SDM vol. 3 ch. 6.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

struct ExceptionRow {
    const char* name;
    std::span<const std::byte> code;
    unsigned vector;
    std::optional<std::uint32_t> error_code;
    std::uint64_t offset;  // of the saved RIP behind kEntry
    Mode mode = Mode::kLong;
    std::function<void(Guest&)> prepare = {};
    std::optional<std::uint64_t> cr2 = {};
};

void PrintTo(const ExceptionRow& row, std::ostream* out) {
    *out << row.name;
}

constexpr std::uint32_t kIdtBit = 2;  // in an error code that names a gate

std::vector<ExceptionRow> rows() {
    const auto clear_task_switched = [](Guest& guest) {
        guest.change([](CpuState& state) { state.cr0 |= 8; });
    };
    return {
        {"DivideByZero", CODE64("xor ecx, ecx; div ecx"), 0, {}, 2},
        {"DivideOverflow", CODE64("mov edx, 5; mov ecx, 5; div ecx"), 0, {}, 10},
        {"DivideOverflowSigned", CODE64("mov eax, 0x8000; mov dl, -1; cwd; idiv dl"), 0, {}, 9},
        {"DivideByZeroByte", CODE64("xor ecx, ecx; div cl"), 0, {}, 2},
        {"DivideByZeroMemory", CODE64("nop; div qword ptr [0x50000]"), 0, {}, 1},
        {"Breakpoint", CODE64("nop; int3"), 3, {}, 2},
        {"SoftwareInterrupt", CODE64("nop; int 0x55"), 0x55, {}, 3},
        {"IcebpIsADebugTrap", CODE64("nop; .byte 0xF1"), 1, {}, 2},
        {"SingleStepIsATrap", CODE64("push 0x102; popfq; nop; nop"), 1, {}, 7},
        {"Undefined", CODE64("nop; ud2"), 6, {}, 1},
        {"UndefinedIn64BitMode", CODE64("nop; .byte 0x06"), 6, {}, 1},
        {"LockOnARegister", CODE64("nop; .byte 0xF0, 0xFF, 0xC0"), 6, {}, 1},
        {"HiddenAvx", CODE64("nop; .byte 0xC5, 0xF8, 0x58, 0xC1"), 6, {}, 1},
        {"HiddenXgetbv", CODE64("xor ecx, ecx; .byte 0x0F, 0x01, 0xD0"), 6, {}, 2},
        {"DeviceNotAvailable", CODE64("nop; fld1"), 7, {}, 1, Mode::kLong, clear_task_switched},
        {"DeviceNotAvailableSse",
         CODE64("nop; movaps xmm0, xmm1"),
         7,
         {},
         1,
         Mode::kLong,
         clear_task_switched},
        {"SseNotEnabled",
         CODE64("nop; movaps xmm0, xmm1"),
         6,
         {},
         1,
         Mode::kLong,
         [](Guest& guest) { guest.change([](CpuState& state) { state.cr4 &= ~0x200ull; }); }},
        {"X87Error",
         CODE64("fldcw [0x50000]; fld1; fldz; fdivp; fwait"),
         16,
         {},
         13,
         Mode::kLong,
         [](Guest& guest) { guest.host_put(kData, std::uint16_t{0x37B}); }},
        {"SegmentNotPresent", CODE64("mov eax, 0x60; mov ds, eax"), 11, kAbsent, 5},
        {"StackSegmentNotPresent", CODE64("mov eax, 0x60; mov ss, eax"), 12, kAbsent, 5},
        {"SelectorBeyondTheTable", CODE64("mov eax, 0xFF0; mov ds, eax"), 13, 0xFF0, 5},
        {"CodeIntoStackSegment", CODE64("mov eax, 0x10; mov ss, eax"), 13, kCode64, 5},
        {"NotCanonicalRead", CODE64("mov rax, 0x800000000000; mov eax, [rax]"), 13, 0, 10},
        {"NotCanonicalWrite", CODE64("mov rax, 0x8000000000000000; mov [rax], eax"), 13, 0, 10},
        {"NotCanonicalJump", CODE64("mov rax, 0x800000000000; jmp rax"), 13, 0, 10},
        {"GateMissing", CODE64("nop; int 0x77"), 13, 0x77 * 8 + kIdtBit, 1, Mode::kLong,
         [](Guest& guest) { guest.ram.put(kIdt + 0x77 * 16, std::uint64_t{0}); }},
        {"GateNotPresent", CODE64("nop; int 0x77"), 11, 0x77 * 8 + kIdtBit, 1, Mode::kLong,
         [](Guest& guest) { guest.set_gate({.vector = 0x77, .present = false}); }},
        {"GateBeyondTheTable", CODE64("nop; int 0x77"), 13, 0x77 * 8 + kIdtBit, 1, Mode::kLong,
         [](Guest& guest) {
             guest.change([](CpuState& state) { state.idtr.limit = 0x77 * 16 - 1; });
         }},
        {"GateOfHigherPrivilege", CODE64("nop; int 0x77"), 13, 0x77 * 8 + kIdtBit, 1,
         Mode::kUser64},
        {"PrivilegedHlt", CODE64("nop; hlt"), 13, 0, 1, Mode::kUser64},
        {"PrivilegedCli", CODE64("nop; cli"), 13, 0, 1, Mode::kUser64},
        {"PrivilegedMovCr", CODE64("nop; mov rax, cr0"), 13, 0, 1, Mode::kUser64},
        {"PrivilegedLgdt", CODE64("nop; lgdt [0x50000]"), 13, 0, 1, Mode::kUser64},
        {"PrivilegedWrmsr", CODE64("nop; wrmsr"), 13, 0, 1, Mode::kUser64},
        {"PrivilegedInvlpg", CODE64("nop; invlpg [0x50000]"), 13, 0, 1, Mode::kUser64},
        {"MisalignedMovaps", CODE64("nop; movaps xmm0, [0x50001]"), 13, 0, 1},
        {"ReservedBitOfCr4", CODE64("mov rax, cr4; bts rax, 40; mov cr4, rax"), 13, 0, 8},
        {"ReservedBitOfCr0", CODE64("mov rax, cr0; bts rax, 40; mov cr0, rax"), 13, 0, 8},
        {"PagingWithoutProtection", CODE64("mov eax, 0x80000000; mov cr0, rax"), 13, 0, 5},
        {"PageFaultRead", CODE64("nop; mov eax, [0x180123]"), 14, 0, 1, Mode::kLong, {}, 0x180123},
        {"PageFaultWrite", CODE64("nop; mov [0x180123], al"), 14, 2, 1, Mode::kLong, {}, 0x180123},
        {"PageFaultFetch",
         CODE64("mov eax, 0x180123; jmp rax"),
         14,
         0x10,
         0x17F123,
         Mode::kLong,
         {},
         0x180123},
        {"PageFaultUserRead",
         CODE64("nop; mov eax, [0x180123]"),
         14,
         4,
         1,
         Mode::kUser64,
         {},
         0x180123},
        {"PageFaultUserWrite",
         CODE64("nop; mov [0x180123], al"),
         14,
         6,
         1,
         Mode::kUser64,
         {},
         0x180123},
        {"PageFaultSupervisorPage", CODE64("nop; mov eax, [0x5A010]"), 14, 5, 1, Mode::kUser64,
         [](Guest& guest) { guest.ram.put(kPageTable + 0x5A * 8, std::uint64_t{0x5A003}); },
         0x5A010},
        {"PageFaultReadOnlyUser", CODE64("nop; mov [0x5A010], al"), 14, 7, 1, Mode::kUser64,
         [](Guest& guest) { guest.ram.put(kPageTable + 0x5A * 8, std::uint64_t{0x5A005}); },
         0x5A010},
        {"PageFaultReadOnlySupervisor", CODE64("nop; mov [0x5A010], al"), 14, 3, 1, Mode::kLong,
         [](Guest& guest) { guest.ram.put(kPageTable + 0x5A * 8, std::uint64_t{0x5A005}); },
         0x5A010},
        {"PageFaultNoExecute", CODE64("mov eax, 0x5A010; jmp rax"), 14, 0x11, 0x59010, Mode::kLong,
         [](Guest& guest) {
             guest.ram.put(kPageTable + 0x5A * 8, std::uint64_t{0x8000'0000'0005'A007});
         },
         0x5A010},
        {"PageFaultReservedBit", CODE64("nop; mov eax, [0x5A010]"), 14, 9, 1, Mode::kLong,
         [](Guest& guest) {
             guest.ram.put(kPageTable + 0x5A * 8, std::uint64_t{0x0008'0000'0005'A007});
         },
         0x5A010},
        {"PageFaultInAPush", CODE64("mov esp, 0x190000; push rax"), 14, 2, 5, Mode::kLong,
         [](Guest& guest) {
             guest.set_gate({.vector = 14, .handler = kStubs + 14 * 16, .ist = 1});
         },
         0x18FFF8},
        {"PageFaultOfAReadModifyWriteIsAWrite",
         CODE64("nop; inc dword ptr [0x180123]"),
         14,
         2,
         1,
         Mode::kLong,
         {},
         0x180123},
        {"DivideByZero32", CODE32("xor ecx, ecx; div ecx"), 0, {}, 2, Mode::kProtected32},
        {"Overflow32", CODE32("mov al, 127; inc al; into"), 4, {}, 5, Mode::kProtected32},
        {"Bound32", CODE32("mov eax, 9; bound eax, [0x50000]"), 5, {}, 5, Mode::kProtected32},
        {"Undefined32", CODE32("nop; ud2"), 6, {}, 1, Mode::kProtected32},
        {"Breakpoint32", CODE32("nop; int3"), 3, {}, 2, Mode::kProtected32},
        {"GeneralProtection32", CODE32("mov eax, 0xFF0; mov ds, eax"), 13, 0xFF0, 5,
         Mode::kProtected32},
        {"NotPresent32", CODE32("mov eax, 0x60; mov ds, eax"), 11, kAbsent, 5, Mode::kProtected32},
        {"Privileged32", CODE32("nop; hlt"), 13, 0, 1, Mode::kUser32},
        {"PageFault32", CODE32("nop; mov [0x180123], al"), 14, 2, 1, Mode::kPaged32, {}, 0x180123},
        {"PageFaultPae", CODE32("nop; mov eax, [0x180123]"), 14, 0, 1, Mode::kPae32, {}, 0x180123},
        {"PageFaultCompatibility",
         CODE32("nop; mov eax, [0x180123]"),
         14,
         0,
         1,
         Mode::kCompatibility,
         {},
         0x180123},
        {"DivideByZero16", CODE16("xor cx, cx; div cx"), 0, {}, 2, Mode::kReal},
        {"Breakpoint16", CODE16("nop; int3"), 3, {}, 2, Mode::kReal},
        {"Undefined16", CODE16("nop; ud2"), 6, {}, 1, Mode::kReal},
        {"DivideByZeroProtected16", CODE16("xor cx, cx; div cx"), 0, {}, 2, Mode::kProtected16},
    };
}

class Exceptions : public TableTest<ExceptionRow> {};
ON_EVERY_BACKEND_FOR(Exceptions, rows());

TEST_P(Exceptions, AreDelivered) {
    if (needs_legacy_paging(row().mode)) {
        NEEDS(Feature::kLegacyPaging);
    }
    if (row().vector == 1) {
        NEEDS(Feature::kBreakpoints);
    }
    Guest guest(backend());
    guest.boot(row().code, row().mode);
    guest.catch_everything();
    if (row().prepare) row().prepare(guest);
    guest.finish();
    const std::optional<Caught> caught = guest.caught();
    ASSERT_TRUE(caught) << std::hex << guest.rip();
    EXPECT_EQ(caught->vector, row().vector);
    EXPECT_EQ(caught->error_code, row().error_code);
    EXPECT_EQ(caught->rip, kEntry + row().offset);
    if (row().cr2) {
        EXPECT_EQ(guest.state().cr2, *row().cr2);
    }
    EXPECT_FALSE(guest.state().exception.pending);
}

class Delivery : public GuestTest {
protected:
    void boot(std::span<const std::byte> code, Mode mode = Mode::kLong) {
        guest().boot(code, mode);
        guest().catch_everything();
    }
};
ON_EVERY_BACKEND(Delivery);

TEST_P(Delivery, APendingExceptionComesFirst) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.exception = {
            .pending = true, .vector = 13, .has_error_code = true, .error_code = 0x18};
        state.rflags |= 0x200;
    });
    guest().handler.request_interrupt(0x30);
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 13u);
    EXPECT_EQ(guest().caught()->error_code, 0x18u);
    EXPECT_EQ(guest().caught()->rip, kEntry);
    EXPECT_FALSE(guest().state().exception.pending);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Delivery, APendingPageFaultKeepsCr2) {
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.cr2 = 0x12345678;
        state.exception = {.pending = true, .vector = 14, .has_error_code = true, .error_code = 4};
    });
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 14u);
    EXPECT_EQ(guest().caught()->error_code, 4u);
    EXPECT_EQ(guest().state().cr2, 0x12345678u);
}

TEST_P(Delivery, WithoutABudgetAPendingExceptionWaits) {
    NEEDS(Feature::kInstructionCount);
    boot(CODE64("inc eax; out 0xF4, al"));
    guest().change([](CpuState& state) { state.exception = {.pending = true, .vector = 6}; });
    EXPECT_EQ(guest().vcpu->run({.instructions = 0}).kind, ExitKind::kBudget);
    EXPECT_TRUE(guest().state().exception.pending);
    EXPECT_EQ(guest().state().exception.vector, 6);
}

TEST_P(Delivery, FromUserModeTheStackIsTheTasks) {
    boot(CODE64("ud2"), Mode::kUser64);
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().gpr(kRsp), kKernelStack - 5 * 8);
    EXPECT_EQ(guest().caught()->cs, kUserCode64);
    EXPECT_EQ(guest().stack<std::uint64_t>(24), kStack);
}

TEST_P(Delivery, TheTrapFlagIsClearInTheHandlerAndSetOnTheStack) {
    NEEDS(Feature::kBreakpoints);
    boot(CODE64("push 0x102; popfq; nop; nop"));
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 1u);
    EXPECT_NE(guest().caught()->flags & 0x100, 0u);
    EXPECT_EQ(guest().state().rflags & 0x100, 0u);
    EXPECT_EQ(guest().state().dr6 & 0x4000, 0x4000u) << "BS";
}

TEST_P(Delivery, BreakpointRegistersStopBeforeTheInstruction) {
    NEEDS(Feature::kBreakpoints);
    boot(CODE64("nop; nop; nop; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.dr[1] = kEntry + 2;
        state.dr7 = 0x408;  // G1, an instruction
    });
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 1u);
    EXPECT_EQ(guest().caught()->rip, kEntry + 2);
    EXPECT_EQ(guest().state().dr6 & 0xF, 2u);
}

TEST_P(Delivery, AFaultInDeliveryIsADoubleFault) {
    // #GP whose gate is not present: contributory on contributory.
    boot(CODE64("mov rax, 0x800000000000; mov eax, [rax]"));
    guest().set_gate({.vector = 13, .present = false});
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 8u);
    EXPECT_EQ(guest().caught()->error_code, 0u);
}

TEST_P(Delivery, AnUnmappedStackIsADoubleFaultOnAnotherOne) {
    boot(CODE64("mov esp, 0x190000; ud2"));
    guest().set_gate({.vector = 8, .handler = kStubs + 8 * 16, .ist = 1});
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 8u) << "#UD, then #PF, then #PF again";
    EXPECT_EQ(guest().state().cr2, 0x190000u - 8);
}

TEST_P(Delivery, APageFaultInAPageFaultIsADoubleFault) {
    boot(CODE64("mov esp, 0x190000; mov eax, [0x180000]"));
    guest().set_gate({.vector = 8, .handler = kStubs + 8 * 16, .ist = 1});
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 8u);
    EXPECT_EQ(guest().gpr(kRsp), kInterruptStack - 6 * 8);
}

TEST_P(Delivery, AMissingTaskStateIsTheGuestsFault) {
    // An interrupt in user mode without a TSS to take the stack from: #TS, #DF, and the end.
    boot(CODE64("int 0x80"), Mode::kUser64);
    guest().set_gate({.vector = 0x80, .handler = kStubs, .dpl = 3});
    guest().change([](CpuState& state) { state.tr.limit = 3; });
    EXPECT_EQ(guest().run().kind, ExitKind::kTripleFault);
}

TEST_P(Delivery, SysenterEntersTheKernel) {
    boot(CODE64("sysenter"), Mode::kUser64);
    guest().change([](CpuState& state) {
        state.msrs.sysenter_cs = kCode64;
        state.msrs.sysenter_esp = 0x7000;
        state.msrs.sysenter_eip = kStubs;
        state.rflags |= 0x200;
    });
    guest().finish();
    EXPECT_EQ(guest().state().cs.selector, kCode64);
    EXPECT_EQ(guest().state().cs.dpl, 0);
    EXPECT_EQ(guest().state().ss.selector, kCode64 + 8);
    EXPECT_EQ(guest().gpr(kRsp), 0x7000u);
    EXPECT_EQ(guest().state().rflags & 0x200, 0u);
}

TEST_P(Delivery, SyscallAndSysretGoThereAndBack) {
    boot(CODE64("inc eax; syscall; inc eax; int 0x80"), Mode::kUser64);
    guest().load(CODE64("mov rbx, rcx; mov rsi, r11; sysretq"), 0x3000);
    guest().set_gate({.vector = 0x80, .handler = kStubs + 0x80 * 16, .dpl = 3});
    guest().change([](CpuState& state) {
        state.msrs.lstar = 0x3000;
        state.rflags |= 0x201;
    });
    guest().finish();
    ASSERT_TRUE(guest().caught());
    EXPECT_EQ(guest().caught()->vector, 0x80u);
    EXPECT_EQ(guest().caught()->cs, kUserCode64);
    EXPECT_EQ(guest().gpr(kRax), 2u);
    EXPECT_EQ(guest().gpr(kRbx), kEntry + 4);
    EXPECT_NE(guest().gpr(kRsi) & 0x200, 0u);
    EXPECT_NE(guest().caught()->flags & 0x200, 0u);
}

}  // namespace
}  // namespace hvlab::conformance
