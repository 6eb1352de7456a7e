// SPDX-License-Identifier: GPL-2.0-or-later
//
// What instructions ask of the processor around them: time, chance and model-specific registers.
// CpuState carries what changes, the handler answers the rest. CPUID is in cpuid_test.cpp.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

std::uint64_t edx_eax(const Guest& guest) {
    return guest.gpr(kRdx) << 32 | guest.gpr(kRax);
}
void set_edx_eax(Guest& guest, std::uint64_t value) {
    guest.change([=](CpuState& state) {
        state.gpr[kRax] = value & 0xFFFFFFFF;
        state.gpr[kRdx] = value >> 32;
    });
}

// ---- Time

class Time : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kHandlerTime);
    }
    void at(std::uint64_t ticks) {
        guest().handler.clock = [=] { return ticks; };
    }
};
ON_EVERY_BACKEND(Time);

TEST_P(Time, IsTheHandlers) {
    guest().boot(CODE64("rdtsc; out 0xF4, al"));
    at(0x123456789ABCDEF0u);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), 0x123456789ABCDEF0u);
    EXPECT_EQ(guest().handler.clock_reads, 1u);
}

TEST_P(Time, IsThatOfItsOwnInstruction) {
    NEEDS(Feature::kInstructionCount);
    // The default clock is the instruction count.
    guest().boot(CODE64("nop; nop; rdtsc; mov ebx, eax; nop; rdtsc; nop; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 2u);
    EXPECT_EQ(guest().gpr(kRax), 5u);
}

TEST_P(Time, IsThatOfItsOwnInstructionInALoop) {
    NEEDS(Feature::kInstructionCount);
    // The block is chained to itself; each reading is 4 later.
    guest().boot(
        CODE64("mov ecx, 200; 1: rdtsc; mov [rdi + rcx * 8], rax; dec ecx; jnz 1b; out 0xF4, al"));
    guest().set(kRdi, kData);
    guest().finish();
    for (std::uint64_t i = 0; i < 200; ++i) {
        ASSERT_EQ(guest().ram.get<std::uint64_t>(kData + (200 - i) * 8), 1 + i * 4);
    }
}

TEST_P(Time, TheOffsetIsAdded) {
    guest().boot(CODE64("rdtsc; out 0xF4, al"));
    guest().change([](CpuState& state) { state.msrs.tsc_offset = -std::uint64_t{1000}; });
    at(5000);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), 4000u);
}

TEST_P(Time, TheOffsetMayWrap) {
    guest().boot(CODE64("rdtsc; out 0xF4, al"));
    guest().change([](CpuState& state) { state.msrs.tsc_offset = ~0ull; });
    at(0);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), ~0ull);
}

TEST_P(Time, WritingTheRegisterSetsTheOffset) {
    guest().boot(CODE64("mov ecx, 0x10; wrmsr; rdtsc; out 0xF4, al"));
    set_edx_eax(guest(), 0x1234500000000);
    at(77);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), 0x1234500000000u);
    EXPECT_EQ(guest().state().msrs.tsc_offset, 0x1234500000000u - 77);
}

TEST_P(Time, ReadingTheRegisterIsTheSame) {
    guest().boot(CODE64("mov ecx, 0x10; rdmsr; out 0xF4, al"));
    guest().change([](CpuState& state) { state.msrs.tsc_offset = 3; });
    at(40);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), 43u);
}

TEST_P(Time, RdtscpAddsTheProcessorsNumber) {
    guest().boot(CODE64("rdtscp; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.msrs.tsc_aux = 0x87654321;
        state.gpr[kRcx] = ~0ull;
    });
    at(99);
    guest().finish();
    EXPECT_EQ(edx_eax(guest()), 99u);
    EXPECT_EQ(guest().gpr(kRcx), 0x87654321u);
}

TEST_P(Time, UserModeReadsItUnlessForbidden) {
    for (const bool forbidden : {false, true}) {
        guest().boot(CODE64("rdtsc; out 0xF4, al"), Mode::kUser64);
        guest().catch_everything();
        guest().change([=](CpuState& state) {
            state.rflags |= 0x3000;
            if (forbidden) state.cr4 |= 4;  // TSD
        });
        at(5);
        guest().finish();
        ASSERT_EQ(guest().caught().has_value(), forbidden);
        if (forbidden) {
            EXPECT_EQ(guest().caught()->vector, 13u);
            EXPECT_EQ(guest().caught()->rip, kEntry);
        }
    }
}

// ---- Chance

class Chance : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kHandlerRandom);
    }
};
ON_EVERY_BACKEND(Chance);

TEST_P(Chance, RdrandDrawsFromTheHandler) {
    guest().boot(CODE64("rdrand rax; setc bl; rdrand rcx; out 0xF4, al"));
    guest().finish();
    ASSERT_EQ(guest().handler.drawn.size(), 2u);
    EXPECT_EQ(guest().gpr(kRax), guest().handler.drawn[0]);
    EXPECT_EQ(guest().gpr(kRcx), guest().handler.drawn[1]);
    EXPECT_EQ(guest().gpr(kRbx), 1u) << "CF: there was a number";
}

TEST_P(Chance, RdseedDrawsFromTheHandler) {
    guest().boot(CODE64("rdseed rax; setc bl; out 0xF4, al"));
    guest().finish();
    ASSERT_EQ(guest().handler.drawn.size(), 1u);
    EXPECT_EQ(guest().gpr(kRax), guest().handler.drawn[0]);
    EXPECT_EQ(guest().gpr(kRbx), 1u);
}

TEST_P(Chance, NarrowNumbersAreTheLowPart) {
    guest().boot(CODE64("rdrand eax; rdrand cx; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.gpr[kRax] = ~0ull;
        state.gpr[kRcx] = ~0ull;
    });
    guest().finish();
    ASSERT_EQ(guest().handler.drawn.size(), 2u);
    EXPECT_EQ(guest().gpr(kRax), guest().handler.drawn[0] & 0xFFFFFFFF);
    EXPECT_EQ(guest().gpr(kRcx), ~0xFFFFull | (guest().handler.drawn[1] & 0xFFFF));
}

TEST_P(Chance, TheOtherFlagsAreClear) {
    guest().boot(CODE64("rdrand rax; pushfq; pop rbx; out 0xF4, al"));
    guest().change([](CpuState& state) { state.rflags = 0x8D7; });
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx) & 0x8D5, 1u);
}

// ---- Model-specific registers

struct MsrRow {
    std::string name;
    std::uint32_t index;
    std::uint64_t value;
    std::function<std::uint64_t(const CpuState&)> field;
};
void PrintTo(const MsrRow& row, std::ostream* out) {
    *out << row.name;
}

constexpr std::uint64_t kAddress = 0xFFFF8123456789A8u;

std::vector<MsrRow> registers() {
    using State = CpuState;
    return {
        {"SysenterCs", 0x174, 0x1234, [](const State& s) { return s.msrs.sysenter_cs; }},
        {"SysenterEsp", 0x175, kAddress, [](const State& s) { return s.msrs.sysenter_esp; }},
        {"SysenterEip", 0x176, kAddress, [](const State& s) { return s.msrs.sysenter_eip; }},
        {"MiscEnable", 0x1A0, 0x850089, [](const State& s) { return s.msrs.misc_enable; }},
        {"MtrrMask1", 0x203, 0xFF0000800, [](const State& s) { return s.msrs.mtrr_phys_mask[1]; }},
        {"MtrrBase7", 0x20E, 0xF0000006, [](const State& s) { return s.msrs.mtrr_phys_base[7]; }},
        {"MtrrFix64K", 0x250, 0x0606060606060606,
         [](const State& s) { return s.msrs.mtrr_fixed[0]; }},
        {"MtrrFix16K", 0x259, 0x0505050505050505,
         [](const State& s) { return s.msrs.mtrr_fixed[2]; }},
        {"MtrrFix4K", 0x26F, 0x0404040404040404,
         [](const State& s) { return s.msrs.mtrr_fixed[10]; }},
        {"Pat", 0x277, 0x0007010600070106, [](const State& s) { return s.msrs.pat; }},
        {"MtrrDefType", 0x2FF, 0xC06, [](const State& s) { return s.msrs.mtrr_def_type; }},
        {"Efer", 0xC0000080, 0x501, [](const State& s) { return s.msrs.efer; }},
        {"Star", 0xC0000081, 0x0023001000000000, [](const State& s) { return s.msrs.star; }},
        {"Lstar", 0xC0000082, kAddress, [](const State& s) { return s.msrs.lstar; }},
        {"Cstar", 0xC0000083, kAddress, [](const State& s) { return s.msrs.cstar; }},
        {"Fmask", 0xC0000084, 0x47700, [](const State& s) { return s.msrs.fmask; }},
        {"FsBase", 0xC0000100, kAddress, [](const State& s) { return s.fs.base; }},
        {"GsBase", 0xC0000101, kAddress, [](const State& s) { return s.gs.base; }},
        {"KernelGsBase", 0xC0000102, kAddress,
         [](const State& s) { return s.msrs.kernel_gs_base; }},
        {"TscAux", 0xC0000103, 0x12345678, [](const State& s) { return s.msrs.tsc_aux; }},
    };
}

class MsrOfTheState : public TableTest<MsrRow> {};
ON_EVERY_BACKEND_FOR(MsrOfTheState, registers());

TEST_P(MsrOfTheState, IsWrittenAndRead) {
    Guest guest(backend());
    guest.boot(CODE64("wrmsr; xor eax, eax; xor edx, edx; rdmsr; out 0xF4, al"));
    set_edx_eax(guest, row().value);
    guest.set(kRcx, row().index);
    guest.finish();
    EXPECT_EQ(row().field(guest.state()), row().value);
    EXPECT_EQ(edx_eax(guest), row().value);
    EXPECT_TRUE(guest.handler.msr_accesses.empty()) << "the handler is not asked";
}

struct BadMsrRow {
    std::string name;
    std::uint32_t index;
    std::uint64_t value;
};
void PrintTo(const BadMsrRow& row, std::ostream* out) {
    *out << row.name;
}

std::vector<BadMsrRow> bad_values() {
    return {
        {"PatMemoryType", 0x277, 2},
        {"EferSvme", 0xC0000080, 0x1D01},
        {"EferLmeOffUnderPaging", 0xC0000080, 0x001},
        {"LstarNotCanonical", 0xC0000082, 0x0001000000000000},
        {"SysenterEipNotCanonical", 0x176, 0x8000000000000000},
        {"FsBaseNotCanonical", 0xC0000100, 0x0000800000000000},
        {"TscAuxBeyond32Bits", 0xC0000103, 0x100000000},
        {"MtrrCapIsReadOnly", 0xFE, 0},
    };
}

class MsrBadValue : public TableTest<BadMsrRow> {};
ON_EVERY_BACKEND_FOR(MsrBadValue, bad_values());

TEST_P(MsrBadValue, IsAGeneralProtectionFault) {
    Guest guest(backend());
    guest.boot(CODE64("wrmsr; out 0xF4, al"));
    guest.catch_everything();
    set_edx_eax(guest, row().value);
    guest.set(kRcx, row().index);
    const CpuState before = guest.state();
    guest.finish();
    ASSERT_TRUE(guest.caught());
    EXPECT_EQ(guest.caught()->vector, 13u);
    EXPECT_EQ(guest.caught()->error_code, 0u);
    EXPECT_EQ(guest.caught()->rip, kEntry);
    EXPECT_EQ(guest.state().msrs, before.msrs);
}

class OtherMsrs : public GuestTest {
protected:
    static constexpr std::uint32_t kOther = 0x1B;
    void run(std::span<const std::byte> code, Mode mode = Mode::kLong) {
        guest().boot(code, mode);
        guest().catch_everything();
        guest().set(kRcx, kOther);
        guest().finish();
    }
    void expect_protection_fault() {
        ASSERT_TRUE(guest().caught());
        EXPECT_EQ(guest().caught()->vector, 13u);
        EXPECT_EQ(guest().caught()->error_code, 0u);
        EXPECT_EQ(guest().caught()->rip, kEntry);
    }
    using Seen = std::vector<Handler::MsrAccess>;
};
ON_EVERY_BACKEND(OtherMsrs);

TEST_P(OtherMsrs, AreReadFromTheHandler) {
    guest().handler.msr_value = 0xFEDCBA9876543210u;
    run(CODE64("rdmsr; out 0xF4, al"));
    EXPECT_EQ(edx_eax(guest()), 0xFEDCBA9876543210u);
    EXPECT_EQ(guest().handler.msr_accesses, (Seen{{false, kOther, 0}}));
}

TEST_P(OtherMsrs, AreWrittenToTheHandler) {
    guest().handler.msr_value = 0;
    run(CODE64("mov eax, 0x11223344; mov edx, 0x55667788; wrmsr; out 0xF4, al"));
    EXPECT_FALSE(guest().caught());
    EXPECT_EQ(guest().handler.msr_accesses, (Seen{{true, kOther, 0x5566778811223344}}));
}

TEST_P(OtherMsrs, TheIndexIsEcx) {
    guest().handler.msr_value = 1;
    guest().boot(CODE64("rdmsr; out 0xF4, al"));
    guest().set(kRcx, 0xFFFFFFFF00000000u | kOther);
    guest().finish();
    EXPECT_EQ(guest().handler.msr_accesses, (Seen{{false, kOther, 0}}));
}

TEST_P(OtherMsrs, ARefusedReadFaults) {
    run(CODE64("rdmsr; out 0xF4, al"));
    expect_protection_fault();
    EXPECT_EQ(guest().handler.msr_accesses.size(), 1u);
}

TEST_P(OtherMsrs, ARefusedWriteFaults) {
    run(CODE64("wrmsr; out 0xF4, al"));
    expect_protection_fault();
}

TEST_P(OtherMsrs, UserModeDoesNotEvenAsk) {
    guest().handler.msr_value = 1;
    run(CODE64("rdmsr"), Mode::kUser64);
    expect_protection_fault();
    run(CODE64("wrmsr"), Mode::kUser64);
    expect_protection_fault();
    EXPECT_TRUE(guest().handler.msr_accesses.empty());
}

TEST_P(OtherMsrs, TheHandlerMayStopTheRun) {
    NEEDS(Feature::kHandlerTime);
    guest().handler.msr_value = 1;
    guest().handler.clock = [&] {
        guest().vcpu->request_stop();
        return std::uint64_t{7};
    };
    guest().boot(CODE64("mov ecx, 0x10; rdmsr; inc ebx; hlt"));
    EXPECT_EQ(guest().run().kind, ExitKind::kStopped);
    EXPECT_EQ(guest().rip(), kEntry + 7);
    EXPECT_EQ(guest().gpr(kRax), 7u);
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

// ---- Capabilities

class CapabilityTest : public GuestTest {};
ON_EVERY_BACKEND(CapabilityTest);

struct Imaginary {
    static constexpr std::string_view kName = "imaginary";
};

TEST_P(CapabilityTest, OneThatDoesNotExistIsNull) {
    EXPECT_EQ(guest().vcpu->capability<Imaginary>(), nullptr);
}

TEST_P(CapabilityTest, TheBackendsAgreeWithTheVcpus) {
    const Capabilities capabilities = backend().create()->capabilities();
    EXPECT_EQ(guest().vcpu->capability<InstructionCounter>() != nullptr,
              capabilities.instruction_count);
    EXPECT_GE(capabilities.max_vcpus, 1u);
    if (capabilities.deterministic) {
        EXPECT_TRUE(capabilities.instruction_count);
    }
}

TEST_P(CapabilityTest, TheBackendHasAName) {
    EXPECT_EQ(backend().create()->name(), backend().name);
}

TEST_P(CapabilityTest, FlushingChangesNothing) {
    NEEDS(Feature::kTranslationCache);
    auto* const cache = guest().vcpu->capability<TranslationCache>();
    ASSERT_NE(cache, nullptr);
    guest().boot(CODE64("1: inc eax; dec ecx; jnz 1b; out 0xF4, al"));
    for (int i = 0; i < 5; ++i) {
        guest().change([](CpuState& state) {
            state.rip = kEntry;
            state.gpr[kRax] = 0;
            state.gpr[kRcx] = 100;
        });
        cache->flush();
        guest().finish();
        EXPECT_EQ(guest().gpr(kRax), 100u);
    }
}

}  // namespace
}  // namespace hvlab::conformance
