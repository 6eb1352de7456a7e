// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 and MMX instructions and memory: one that faults has changed nothing, and what a store raises
// is there behind it, not before. Intel SDM vol. 1 ch. 8, vol. 3 s. 6.5.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr FpuState::X87Register kThird = {0xAB, 0xAA, 0xAA, 0xAA, 0xAA,
                                          0xAA, 0xAA, 0xAA, 0xFD, 0x3F};
constexpr FpuState::X87Register k40000 = {0, 0, 0, 0, 0, 0, 0x40, 0x9C, 0x0E, 0x40};
constexpr std::uint16_t kTopIs3 = 0x1800;
constexpr std::uint16_t kInvalid = 0x01, kInexact = 0x20;
constexpr std::uint16_t kExceptions = 0x3F;
constexpr std::uint16_t kAllMasked = 0x037F;

// Five values on the stack, 1/3 on top: of no format but x87's own.
FpuState five_values() {
    FpuState fpu;
    fpu.fsw = kTopIs3;
    fpu.ftw = 0xF8;
    for (FpuState::X87Register& value : fpu.st) value = kThird;
    return fpu;
}

struct InstructionRow {
    const char* name;
    std::span<const std::byte> code;  // one instruction of [rdi], and UD2 or FWAIT
    unsigned before = 1;              // bytes of it before the page that is missing
};

void PrintTo(const InstructionRow& row, std::ostream* out) {
    *out << row.name;
}

// ---- Faults

std::vector<InstructionRow> accesses() {
    return {
        {"Fst32", CODE64("fst dword ptr [rdi]; ud2")},
        {"Fst64", CODE64("fst qword ptr [rdi]; ud2")},
        {"Fstp32", CODE64("fstp dword ptr [rdi]; ud2")},
        {"Fstp64", CODE64("fstp qword ptr [rdi]; ud2")},
        {"Fstp80", CODE64("fstp tbyte ptr [rdi]; ud2")},
        {"Fist16", CODE64("fist word ptr [rdi]; ud2")},
        {"Fist32", CODE64("fist dword ptr [rdi]; ud2")},
        {"Fistp64", CODE64("fistp qword ptr [rdi]; ud2")},
        {"Fisttp16", CODE64("fisttp word ptr [rdi]; ud2")},
        {"Fisttp32", CODE64("fisttp dword ptr [rdi]; ud2")},
        {"Fisttp64", CODE64("fisttp qword ptr [rdi]; ud2")},
        {"Fbstp", CODE64("fbstp [rdi]; ud2")},
        {"Fld32", CODE64("fld dword ptr [rdi]; ud2")},
        {"Fld80", CODE64("fld tbyte ptr [rdi]; ud2")},
        {"Fcomp64", CODE64("fcomp qword ptr [rdi]; ud2")},
        {"Fldenv", CODE64("fldenv [rdi]; ud2"), 4},
        {"Frstor", CODE64("frstor [rdi]; ud2"), 40},
        {"MmxStore", CODE64("movq [rdi], mm0; ud2")},
        {"MmxStore32", CODE64("movd [rdi], mm0; ud2")},
        {"MmxLoad", CODE64("movq mm0, [rdi]; ud2")},
        {"MmxOperation", CODE64("paddb mm0, [rdi]; ud2")},
        {"MmxConversion", CODE64("cvttps2pi mm0, [rdi]; ud2")},
    };
}

class X87Access : public TableTest<InstructionRow> {
protected:
    // In user mode, where KVM's software flavour leaves the instruction to the processor.
    void run(Guest& guest, std::uint64_t address) {
        guest.boot(row().code, Mode::kUser64);
        guest.catch_everything();
        for (unsigned i = 0; i < 128; ++i) {
            guest.ram.put(kData + i, device_byte(i));
            guest.ram.put(kNotPresent - 128 + i, device_byte(i));
        }
        guest.change([&](CpuState& state) {
            state.gpr[kRdi] = address;
            state.fpu = five_values();
        });
        guest.finish();
        ASSERT_TRUE(guest.caught());
    }
};
ON_EVERY_BACKEND_FOR(X87Access, accesses());

TEST_P(X87Access, ThatFaultsChangesNothing) {
    for (const std::uint64_t address : {kNotPresent - row().before, kNotPresent}) {
        Guest guest(backend());
        run(guest, address);
        EXPECT_EQ(guest.caught()->vector, 14u);
        EXPECT_EQ(guest.caught()->rip, kEntry);
        EXPECT_EQ(guest.state().cr2 / kPageSize, kNotPresent / kPageSize) << "in any order";
        EXPECT_EQ(guest.state().fpu, five_values());
        for (unsigned i = 0; i < 128; ++i) {
            EXPECT_EQ(guest.ram.byte(kNotPresent - 128 + i), device_byte(i)) << i;
        }
    }
}

TEST_P(X87Access, ChangesSomethingWhereItDoesNotFault) {
    Guest guest(backend());
    run(guest, kData);
    EXPECT_EQ(guest.caught()->vector, 6u);
    EXPECT_NE(guest.state().fpu, five_values());
}

// ---- Stores to a device, in the midst of what was translated together

std::vector<InstructionRow> inexact_stores() {
    return {
        {"Fst32", CODE64("nop; fst dword ptr [rdi]; fwait")},
        {"Fstp64", CODE64("nop; fstp qword ptr [rdi]; fwait")},
        {"Fist16", CODE64("nop; fist word ptr [rdi]; fwait")},
        {"Fist32", CODE64("nop; fist dword ptr [rdi]; fwait")},
        {"Fistp64", CODE64("nop; fistp qword ptr [rdi]; fwait")},
        {"Fisttp16", CODE64("nop; fisttp word ptr [rdi]; fwait")},
        {"Fisttp32", CODE64("nop; fisttp dword ptr [rdi]; fwait")},
        {"Fisttp64", CODE64("nop; fisttp qword ptr [rdi]; fwait")},
        {"Fbstp", CODE64("nop; fbstp [rdi]; fwait")},
    };
}

class X87StoreToADevice : public TableTest<InstructionRow> {
protected:
    void SetUp() override {
        TableTest::SetUp();
        NEEDS(Feature::kInstructionCount);  // others leave it to an emulator without x87
    }
};
ON_EVERY_BACKEND_FOR(X87StoreToADevice, inexact_stores());

TEST_P(X87StoreToADevice, RaisesBehindIt) {
    Guest guest(backend());
    guest.boot(row().code);
    guest.catch_everything();
    guest.change([](CpuState& state) {
        state.gpr[kRdi] = kDevice;
        state.fpu = five_values();
        state.fpu.fcw = kAllMasked & ~kInexact;
    });
    std::vector<std::uint16_t> status;
    guest.handler.on_access = [&](const Access& access) {
        if (access.kind == Access::kMemoryWrite) status.push_back(guest.state().fpu.fsw);
    };
    guest.finish();
    ASSERT_TRUE(guest.caught());
    EXPECT_EQ(guest.caught()->vector, 16u);
    EXPECT_EQ(guest.caught()->rip, kEntry + row().code.size() - 1) << "the FWAIT";
    ASSERT_FALSE(status.empty());
    for (const std::uint16_t each : status) EXPECT_EQ(each, kTopIs3);
    EXPECT_EQ(guest.state().fpu.fsw & kExceptions, kInexact);
}

// ---- Others

class X87 : public GuestTest {};
ON_EVERY_BACKEND(X87);

TEST_P(X87, WhatAWordCannotHoldIsInvalid) {
    for (const auto code :
         {CODE64("fist word ptr [rdi]; ud2"), CODE64("fisttp word ptr [rdi]; ud2")}) {
        guest().boot(code, Mode::kUser64);
        guest().catch_everything();
        guest().change([](CpuState& state) {
            state.gpr[kRdi] = kData;
            state.fpu = five_values();
            state.fpu.st[0] = k40000;
        });
        guest().finish();
        EXPECT_EQ(guest().state().fpu.fsw & kExceptions, kInvalid);
        EXPECT_EQ(guest().ram.get<std::uint16_t>(kData), 0x8000u);
    }
}

TEST_P(X87, RexWMovesNoRegisterOfAnImage) {
    guest().boot(CODE64("rex.w fnsave [rdi]; fninit; rex.w frstor [rdi]; ud2"), Mode::kUser64);
    guest().catch_everything();
    guest().change([](CpuState& state) {
        state.gpr[kRdi] = kData;
        state.fpu = five_values();
    });
    guest().finish();
    EXPECT_EQ(guest().ram.get<std::uint64_t>(kData + 28), 0xAAAAAAAAAAAAAAABu);
    EXPECT_EQ(guest().state().fpu.fsw, kTopIs3);
    EXPECT_EQ(guest().state().fpu.st, five_values().st);
}

}  // namespace
}  // namespace hvlab::conformance
