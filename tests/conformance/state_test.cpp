// SPDX-License-Identifier: GPL-2.0-or-later
//
// The architectural state goes in and comes out unchanged, field by field and in every mode, and
// the guest lives in what was set.
#include <fmt/format.h>

#include "tests/conformance/support/random_state.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

// ---- One field at a time

struct FieldRow {
    std::string name;
    std::function<void(CpuState&)> change;
};
void PrintTo(const FieldRow& row, std::ostream* out) {
    *out << row.name;
}

constexpr std::uint64_t kAddress = 0xFFFF8123456789A8u;

std::vector<FieldRow> fields() {
    using State = CpuState;
    std::vector<FieldRow> rows = {
        {"Rip", [](State& s) { s.rip = 0x2345; }},
        {"RflagsArithmetic", [](State& s) { s.rflags = 0x8D7; }},
        {"RflagsDirection", [](State& s) { s.rflags = 0x402; }},
        {"RflagsInterrupt", [](State& s) { s.rflags = 0x202; }},
        {"RflagsTrap", [](State& s) { s.rflags = 0x102; }},
        {"RflagsIopl", [](State& s) { s.rflags = 0x3002; }},
        {"RflagsNestedTask", [](State& s) { s.rflags = 0x4002; }},
        {"RflagsResume", [](State& s) { s.rflags = 0x10002; }},
        {"RflagsAlignmentCheck", [](State& s) { s.rflags = 0x40002; }},
        {"RflagsId", [](State& s) { s.rflags = 0x200002; }},
        {"FsBase", [](State& s) { s.fs.base = kAddress; }},
        {"GsBase", [](State& s) { s.gs.base = kAddress; }},
        {"DsSelector", [](State& s) { s.ds.selector = kUserData; }},
        {"EsLimit",
         [](State& s) {
             s.es.limit = 0x1234;
             s.es.g = false;
         }},
        {"EsReadOnly", [](State& s) { s.es.type = 1; }},
        {"FsExpandDown",
         [](State& s) {
             s.fs.type = 7;
             s.fs.limit = 0xFFF;
             s.fs.g = false;
         }},
        {"DsAvl", [](State& s) { s.ds.avl = true; }},
        {"DsSixteenBit", [](State& s) { s.ds.db = false; }},
        {"GsUser", [](State& s) { s.gs.dpl = 3; }},
        {"CsConforming", [](State& s) { s.cs.type = 0xF; }},
        {"CsExecuteOnly", [](State& s) { s.cs.type = 0x9; }},
        {"Ldtr",
         [](State& s) {
             s.ldtr = {.base = 0x3210,
                       .limit = 0x7F,
                       .selector = kSpare,
                       .type = 2,
                       .s = false,
                       .present = true};
         }},
        {"TrBaseAndLimit",
         [](State& s) {
             s.tr.base = kAddress;
             s.tr.limit = 0x2067;
         }},
        {"TrSelector", [](State& s) { s.tr.selector = kSpare; }},
        {"Gdtr", [](State& s) { s.gdtr = {.base = kAddress, .limit = 0x1237}; }},
        {"Idtr", [](State& s) { s.idtr = {.base = kAddress, .limit = 0x0FF7}; }},
        {"Cr0Caches", [](State& s) { s.cr0 |= 0x60000000; }},
        {"Cr0TaskSwitched", [](State& s) { s.cr0 |= 8; }},
        {"Cr0Emulation", [](State& s) { s.cr0 = (s.cr0 | 4) & ~2ull; }},
        {"Cr0AlignmentMask", [](State& s) { s.cr0 |= 0x40000; }},
        {"Cr0WriteProtect", [](State& s) { s.cr0 &= ~0x10000ull; }},
        {"Cr2", [](State& s) { s.cr2 = kAddress; }},
        {"Cr3", [](State& s) { s.cr3 = 0x12345018; }},
        {"Cr4TimeStampDisable", [](State& s) { s.cr4 |= 4; }},
        {"Cr4DebugExtensions", [](State& s) { s.cr4 |= 8; }},
        {"Cr4GlobalPages", [](State& s) { s.cr4 |= 0x80; }},
        {"Cr4Pce", [](State& s) { s.cr4 |= 0x100; }},
        {"Cr8", [](State& s) { s.cr8 = 9; }},
        {"Dr6", [](State& s) { s.dr6 = 0xFFFF4FF3; }},
        {"Dr7", [](State& s) { s.dr7 = 0x000D0402; }},
        {"EferSyscall", [](State& s) { s.msrs.efer &= ~1ull; }},
        {"EferNoExecute", [](State& s) { s.msrs.efer &= ~0x800ull; }},
        {"Star", [](State& s) { s.msrs.star = 0x0023001012345678; }},
        {"Lstar", [](State& s) { s.msrs.lstar = kAddress; }},
        {"Cstar", [](State& s) { s.msrs.cstar = kAddress; }},
        {"Fmask", [](State& s) { s.msrs.fmask = 0x47700; }},
        {"KernelGsBase", [](State& s) { s.msrs.kernel_gs_base = kAddress; }},
        {"SysenterCs", [](State& s) { s.msrs.sysenter_cs = 0x1234; }},
        {"SysenterEsp", [](State& s) { s.msrs.sysenter_esp = kAddress; }},
        {"SysenterEip", [](State& s) { s.msrs.sysenter_eip = kAddress; }},
        {"Pat", [](State& s) { s.msrs.pat = 0x0007010600070106; }},
        {"TscAux", [](State& s) { s.msrs.tsc_aux = 0x12345678; }},
        {"TscOffset", [](State& s) { s.msrs.tsc_offset = 0x1234567890ABCDEF; }},
        {"MiscEnable", [](State& s) { s.msrs.misc_enable = 0x850089; }},
        {"MtrrDefType", [](State& s) { s.msrs.mtrr_def_type = 0xC06; }},
        {"Fcw", [](State& s) { s.fpu.fcw = 0x0F7F; }},
        {"FswTop", [](State& s) { s.fpu.fsw = 0x2800; }},
        {"FswConditions", [](State& s) { s.fpu.fsw = 0x4500; }},
        {"Ftw", [](State& s) { s.fpu.ftw = 0xA5; }},
        {"Fop", [](State& s) { s.fpu.fop = 0x123; }},
        {"Fip", [](State& s) { s.fpu.fip = kAddress; }},
        {"Fdp", [](State& s) { s.fpu.fdp = kAddress; }},
        {"Mxcsr", [](State& s) { s.fpu.mxcsr = 0x7FBF; }},
        {"ExceptionWithoutErrorCode",
         [](State& s) { s.exception = {.pending = true, .vector = 6}; }},
        {"ExceptionWithErrorCode",
         [](State& s) {
             s.exception = {.pending = true, .vector = 14, .has_error_code = true, .error_code = 7};
         }},
        {"InterruptPending",
         [](State& s) {
             s.interrupt = {.pending = true, .vector = 0x41};
             s.rflags |= 0x200;
         }},
        {"NmiPending", [](State& s) { s.nmi_pending = true; }},
        {"NmiBlocked", [](State& s) { s.nmi_blocked = true; }},
        {"ShadowSti",
         [](State& s) {
             s.shadow_sti = true;
             s.rflags |= 0x200;
         }},
        {"ShadowMovSs", [](State& s) { s.shadow_mov_ss = true; }},
        {"Halted", [](State& s) { s.halted = true; }},
    };
    constexpr const char* kGprNames[] = {"Rax", "Rcx", "Rdx", "Rbx", "Rsp", "Rbp", "Rsi", "Rdi",
                                         "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    for (unsigned i = 0; i < kGprCount; ++i) {
        rows.push_back({kGprNames[i], [i](State& s) { s.gpr[i] = 0xFEDCBA9876543210u + i; }});
    }
    for (unsigned i = 0; i < 4; ++i) {
        rows.push_back({fmt::format("Dr{}", i), [i](State& s) { s.dr[i] = 0x123456 + i; }});
    }
    for (unsigned i = 0; i < 11; ++i) {
        rows.push_back({fmt::format("MtrrFixed{}", i),
                        [i](State& s) { s.msrs.mtrr_fixed[i] = 0x0606060606060600 + i % 2; }});
    }
    for (unsigned i = 0; i < 8; ++i) {
        rows.push_back({fmt::format("MtrrVariable{}", i), [i](State& s) {
                            s.msrs.mtrr_phys_base[i] = 0xF0000006 + i * 0x100000;
                            s.msrs.mtrr_phys_mask[i] = 0xFFFFF00800;
                        }});
        rows.push_back({fmt::format("St{}", i), [i](State& s) {
                            s.fpu.ftw = 0xFF;
                            s.fpu.st[i] = {1,    2,   3, 4,
                                           5,    6,   7, static_cast<std::uint8_t>(0x80 + i),
                                           0x34, 0x12};
                        }});
    }
    for (unsigned i = 0; i < 16; ++i) {
        rows.push_back({fmt::format("Xmm{}", i), [i](State& s) {
                            s.fpu.xmm[i] = {0x1111111111111111u + i, ~std::uint64_t{i}};
                        }});
    }
    return rows;
}

class StateField : public TableTest<FieldRow> {};
ON_EVERY_BACKEND_FOR(StateField, fields());

TEST_P(StateField, ComesBackAndLeavesTheOthersAlone) {
    Guest guest(backend());
    guest.enter(Mode::kLong);
    CpuState state = guest.state();
    const CpuState before = state;
    row().change(state);
    ASSERT_NE(state, before);
    guest.vcpu->set_state(state);
    EXPECT_EQ(guest.state(), state);
    guest.vcpu->set_state(before);
    EXPECT_EQ(guest.state(), before) << "nothing of it stays";
}

// ---- Every mode

class StateInMode : public TableTest<Mode> {
protected:
    void SetUp() override {
        TableTest::SetUp();
        if (needs_legacy_paging(row())) {
            NEEDS(Feature::kLegacyPaging);
        }
    }
};
ON_EVERY_BACKEND_FOR(StateInMode, kModes);

TEST_P(StateInMode, RandomStatesComeBack) {
    Guest guest(backend());
    RandomStream random(Seed(9).child(to_string(row())));
    guest.enter(row());
    const CpuState base = guest.state();
    for (int i = 0; i < 200; ++i) {
        const CpuState state = random_state(base, random);
        guest.vcpu->set_state(state);
        ASSERT_EQ(guest.state(), state) << i;
    }
}

TEST_P(StateInMode, GetAndSetBetweenInstructionsChangesNothing) {
    NEEDS(Feature::kInstructionCount);
    const auto code = code_bits(row()) == 16
                          ? CODE16("1: inc ax; push ax; pop bx; add [0x4800], bx; jmp 1b")
                      : code_bits(row()) == 32
                          ? CODE32("1: inc eax; push eax; pop ebx; add [0x50000], ebx; jmp 1b")
                          : CODE64("1: inc eax; push rax; pop rbx; add [0x50000], ebx; jmp 1b");
    Guest plain(backend()), disturbed(backend());
    for (Guest* each : {&plain, &disturbed}) each->boot(code, row());
    plain.step(500);
    for (int i = 0; i < 500; ++i) {
        disturbed.step(1);
        disturbed.vcpu->set_state(disturbed.state());
    }
    EXPECT_EQ(disturbed.state(), plain.state());
    EXPECT_EQ(disturbed.ram, plain.ram);
}

TEST_P(StateInMode, IsWhereTheGuestRuns) {
    // CS.D/B and L decide how long the operand of MOV is.
    Guest guest(backend());
    guest.enter(row());
    guest.change([](CpuState& state) { state.rflags |= 0x3000; });
    if (code_bits(row()) == 64) {
        guest.load({0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 0xE6, 0xF4}, kEntry);
    } else if (code_bits(row()) == 32) {
        guest.load({0x48, 0xB8, 1, 2, 3, 4, 0xE6, 0xF4}, kEntry);
    } else {
        guest.load({0x48, 0xB8, 1, 2, 0xE6, 0xF4}, kEntry);
    }
    guest.finish();
    EXPECT_EQ(guest.gpr(kRax), code_bits(row()) == 64   ? 0x0807060504030201u
                               : code_bits(row()) == 32 ? 0x04030201u
                                                        : 0x0201u);
}

// ---- What the guest sees of it

class StateSeen : public GuestTest {};
ON_EVERY_BACKEND(StateSeen);

TEST_P(StateSeen, ANewVcpuIsInTheResetState) {
    EXPECT_EQ(guest().state(), reset_state(CpuModel::named("x86-64-v2").cpuid(1, 0).eax));
}

TEST_P(StateSeen, RunningFromTheResetVector) {
    // FFFFFFF0h: a jump into low memory.
    Ram rom(kPageSize);
    rom.put(0xFF0, CODE16(".byte 0xEA, 0x00, 0x10, 0x00, 0x00"));
    guest().vm->map_memory(kHighRam - kPageSize, rom.bytes(), false);
    guest().load(CODE16("mov ax, cs; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().state().cs.selector, 0);
    EXPECT_EQ(guest().state().cs.base, 0u);
    EXPECT_EQ(guest().gpr(kRax) & 0xFFFF, 0u);
    guest().vcpu.reset();
    guest().vm.reset();
}

TEST_P(StateSeen, GeneralRegisters) {
    guest().boot(CODE64(R"(
        mov [0x50000], rax; mov [0x50008], rcx; mov [0x50010], rdx; mov [0x50018], rbx
        mov [0x50020], rsp; mov [0x50028], rbp; mov [0x50030], rsi; mov [0x50038], rdi
        mov [0x50040], r8; mov [0x50048], r9; mov [0x50050], r10; mov [0x50058], r11
        mov [0x50060], r12; mov [0x50068], r13; mov [0x50070], r14; mov [0x50078], r15
        out 0xF4, al
    )"));
    guest().change([](CpuState& state) {
        for (unsigned i = 0; i < kGprCount; ++i) state.gpr[i] = 0x0101010101010101u * (i + 1);
    });
    guest().finish();
    for (unsigned i = 0; i < kGprCount; ++i) {
        EXPECT_EQ(guest().ram.get<std::uint64_t>(kData + i * 8), 0x0101010101010101u * (i + 1));
    }
}

TEST_P(StateSeen, SseRegistersAndControl) {
    guest().boot(
        CODE64("movups [0x50000], xmm0; movups [0x50010], xmm15; stmxcsr [0x50020];"
               "out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.fpu.xmm[0] = {1, 2};
        state.fpu.xmm[15] = {3, 4};
        state.fpu.mxcsr = 0x3F80;
    });
    guest().finish();
    for (std::uint64_t i = 0; i < 4; ++i) {
        EXPECT_EQ(guest().ram.get<std::uint64_t>(kData + i * 8), i + 1);
    }
    EXPECT_EQ(guest().ram.get<std::uint32_t>(kData + 0x20), 0x3F80u);
}

TEST_P(StateSeen, X87StackTopAndTags) {
    // TOP is 5 and ST(0) is 1.0 (physical register 5); FSTP pops it.
    guest().boot(CODE64("fstp qword ptr [0x50000]; fnstenv [0x50010]; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.fpu.fsw = 5 << 11;
        state.fpu.ftw = 1 << 5;
        state.fpu.st[0] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xFF, 0x3F};
    });
    guest().finish();
    EXPECT_EQ(guest().ram.get<double>(kData), 1.0);
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 0x14) >> 11 & 7, 6);
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 0x18), 0xFFFF) << "all empty";
    EXPECT_EQ(guest().state().fpu.ftw, 0);
}

TEST_P(StateSeen, NothingOfTheX87SelectorsStays) {
    // CpuState has no FCS and FDS (deprecated: SDM vol. 1 s. 8.1.8), so a set state has none.
    guest().boot(CODE64("fld qword ptr [0x50000]; fnstenv [0x50100]; out 0xF4, al"));
    guest().finish();
    guest().boot(CODE64("fnstenv [0x50100]; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 0x110), 0) << "FCS";
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 0x118), 0) << "FDS";
}

TEST_P(StateSeen, HiddenBasesHoldWhateverTheDescriptorsSay) {
    // "Unreal": a base and a limit that no real-mode selector has.
    guest().boot(CODE16("mov eax, [bx]; mov ecx, fs:[0x10]; out 0xF4, al"), Mode::kReal);
    guest().change([](CpuState& state) {
        state.ds.base = kData - 0x800;
        state.fs.base = 0x60000;
        state.gpr[kRbx] = 0x800;
    });
    guest().host_put(kData, std::uint32_t{0x11223344});
    guest().host_put(0x60010, std::uint32_t{0x55667788});
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 0x11223344u);
    EXPECT_EQ(guest().gpr(kRcx), 0x55667788u);
}

TEST_P(StateSeen, SegmentsThatAGuestLoadsHaveTheirHiddenParts) {
    guest().boot(
        CODE64("mov eax, 0x2B; mov es, eax; mov ds, eax; xor eax, eax; mov fs, eax;"
               "out 0xF4, al"));
    guest().finish();
    Segment expected = gdt_segment(guest().ram, kUserData);
    expected.selector = kUserData;
    EXPECT_EQ(guest().state().es, expected);
    EXPECT_EQ(guest().state().ds, expected);
    EXPECT_EQ(guest().state().fs.selector, 0);
}

TEST_P(StateSeen, DebugRegistersAreReadByTheGuest) {
    NEEDS(Feature::kBreakpoints);
    guest().boot(CODE64("mov rax, dr0; mov rbx, dr3; mov rcx, dr7; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.dr[0] = 0x1234;
        state.dr[3] = 0x5678;
        state.dr7 = 0x400;
    });
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 0x1234u);
    EXPECT_EQ(guest().gpr(kRbx), 0x5678u);
    EXPECT_EQ(guest().gpr(kRcx), 0x400u);
}

TEST_P(StateSeen, ControlRegistersAreReadByTheGuest) {
    guest().boot(
        CODE64("mov rax, cr0; mov rbx, cr2; mov rcx, cr3; mov rdx, cr4; mov rsi, cr8;"
               "out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.cr2 = 0xABCDEF;
        state.cr8 = 6;
    });
    const CpuState before = guest().state();
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), before.cr0);
    EXPECT_EQ(guest().gpr(kRbx), before.cr2);
    EXPECT_EQ(guest().gpr(kRcx), before.cr3);
    EXPECT_EQ(guest().gpr(kRdx), before.cr4);
    EXPECT_EQ(guest().gpr(kRsi), 6u);
}

TEST_P(StateSeen, ASetStateForgetsTheOldAddressSpace) {
    // The same linear page, first one physical page, then another.
    guest().boot(CODE64("mov eax, [0x5A000]; out 0xF4, al"));
    guest().host_put(0x5A000, std::uint32_t{1});
    guest().host_put(0x5B000, std::uint32_t{2});
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 1u);
    guest().host_put(kPageTable + 0x5A * 8, std::uint64_t{0x5B007});
    guest().enter(Mode::kLong);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 2u);
}

TEST_P(StateSeen, NothingOfTheOldStateStays) {
    RandomStream random(Seed(10));
    guest().enter(Mode::kLong);
    const CpuState base = guest().state();
    for (int i = 0; i < 100; ++i) guest().vcpu->set_state(random_state(base, random));
    guest().vcpu->set_state(reset_state());
    EXPECT_EQ(guest().state(), reset_state());
    guest().boot(CODE16("mov ax, 1; 1: inc ax; cmp ax, 50; jne 1b; out 0xF4, al"), Mode::kReal);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 50u);
}

// ---- What is refused

class StateRefused : public GuestTest {
protected:
    std::string refusal(const CpuState& state) {
        try {
            guest().vcpu->set_state(state);
        } catch (const BackendError& error) {
            EXPECT_EQ(error.backend(), backend().name);
            return error.what();
        }
        return "accepted";
    }
    void expect_refused(const std::function<void(CpuState&)>& change, const char* name) {
        const CpuState good = reset_state();
        CpuState bad = good;
        change(bad);
        guest().vcpu->set_state(good);
        EXPECT_NE(refusal(bad).find(name), std::string::npos) << refusal(bad);
        EXPECT_EQ(guest().state(), good) << "a refused state changes nothing";
    }
};
ON_EVERY_BACKEND(StateRefused);

TEST_P(StateRefused, UnknownBitsOfCr4) {
    expect_refused([](CpuState& state) { state.cr4 = 1 << 18; }, "cr4");
}
TEST_P(StateRefused, UnknownBitsOfEfer) {
    expect_refused([](CpuState& state) { state.msrs.efer = 1 << 12; }, "efer");
}
TEST_P(StateRefused, Cr8BeyondFourBits) {
    expect_refused([](CpuState& state) { state.cr8 = 16; }, "cr8");
}
TEST_P(StateRefused, TscAuxBeyondThirtyTwoBits) {
    expect_refused([](CpuState& state) { state.msrs.tsc_aux = 1ull << 32; }, "tsc_aux");
}
TEST_P(StateRefused, TwoShadowsAtOnce) {
    expect_refused([](CpuState& state) { state.shadow_sti = state.shadow_mov_ss = true; },
                   "interrupt shadow");
}
TEST_P(StateRefused, AnExceptionWithoutTheErrorCodeThatItHas) {
    expect_refused([](CpuState& state) { state.exception = {.pending = true, .vector = 14}; },
                   "pending exception 14");
}
TEST_P(StateRefused, AnExceptionThatDoesNotExist) {
    expect_refused([](CpuState& state) { state.exception = {.pending = true, .vector = 33}; },
                   "pending exception 33");
}

}  // namespace
}  // namespace hvlab::conformance
