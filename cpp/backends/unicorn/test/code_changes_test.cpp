// SPDX-License-Identifier: GPL-2.0-or-later
//
// Code that changes while it runs (Intel SDM vol. 3 s. 8.1.3 and 11.6): by the guest in its own
// block, in its own page and through another address of it, in the second half of an instruction
// that lies in two pages, by REP STOS and REP MOVS over what comes next, and by the host. Each in
// one run and in steps.
#include <algorithm>

#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using conformance::kAlias;  // of kPage
using conformance::kEntry;

constexpr GuestAddress kPage = 0x2000;

class CodeChanges : public testing::TestWithParam<std::uint64_t> {
protected:
    void boot(std::initializer_list<std::uint8_t> code, GuestAddress at, GuestAddress rip) {
        vm_.load(code, at);
        vm_.enter(conformance::Mode::kLong);
        change([=](CpuState& state) { state.rip = rip; });
    }
    template <typename Change>
    void change(Change&& apply) {
        CpuState state = vm_.vcpu->state();
        apply(state);
        vm_.vcpu->set_state(state);
    }
    // In slices of the parameter.
    void run(std::uint64_t instructions) {
        for (std::uint64_t done = 0; done < instructions;) {
            const std::uint64_t slice = std::min(GetParam(), instructions - done);
            ASSERT_EQ(vm_.vcpu->run({.instructions = slice}).kind, ExitKind::kBudget);
            done += slice;
        }
    }
    std::uint64_t gpr(Gpr reg) const { return vm_.vcpu->state().gpr[reg]; }

    conformance::Guest vm_{conformance::unicorn_backend()};
};

INSTANTIATE_TEST_SUITE_P(Slices, CodeChanges, testing::Values(1, 2, 1000));

TEST_P(CodeChanges, AheadInTheSameBlock) {
    boot({0xC6, 0x04, 0x25, 0x09, 0x10, 0, 0, 0x2A,  // mov byte [1009h], 2Ah
          0xB8, 1, 0, 0, 0,                          // 1008h: mov eax, 1
          0xEB, 0xFE},
         kEntry, kEntry);
    run(2);
    EXPECT_EQ(gpr(kRax), 0x2Au);
}

TEST_P(CodeChanges, AheadInTheSameBlockThroughAnAlias) {
    boot({0xC6, 0x04, 0x25, 0x09, 0, 0x19, 0, 0x2A,  // mov byte [190009h], 2Ah
          0xB8, 1, 0, 0, 0,                          // 2008h: mov eax, 1
          0xEB, 0xFE},
         kPage, kPage);
    run(2);
    EXPECT_EQ(gpr(kRax), 0x2Au);
}

TEST_P(CodeChanges, UnderTheAliasThatRuns) {
    boot({0xC6, 0x04, 0x25, 0x09, 0x20, 0, 0, 0x2A,  // mov byte [2009h], 2Ah
          0xB8, 1, 0, 0, 0,                          // 190008h: mov eax, 1
          0xEB, 0xFE},
         kPage, kAlias);
    run(2);
    EXPECT_EQ(gpr(kRax), 0x2Au);
}

TEST_P(CodeChanges, WhatHasRunAlreadyInALoop) {
    boot({0xB8, 0, 0, 0, 0,                    // 1000h: mov eax, 0
          0xFE, 0x04, 0x25, 0x01, 0x10, 0, 0,  // inc byte [1001h]
          0xEB, 0xF2},                         // jmp 1000h
         kEntry, kEntry);
    run(3 * 7 + 1);
    EXPECT_EQ(gpr(kRax), 7u);
}

TEST_P(CodeChanges, TheSecondHalfOfAnInstructionInTwoPages) {
    boot({0xB8, 0x11, 0x22, 0x33, 0x44,              // 1FFDh: mov eax, 44332211h
          0xC6, 0x04, 0x25, 0x00, 0x20, 0, 0, 0x77,  // mov byte [2000h], 77h
          0xEB, 0xF1},                               // jmp 1FFDh
         0x1FFD, 0x1FFD);
    run(1);
    EXPECT_EQ(gpr(kRax), 0x44332211u);
    run(3);
    EXPECT_EQ(gpr(kRax), 0x44772211u);
}

TEST_P(CodeChanges, TheFirstHalfOfAnInstructionInTwoPages) {
    boot({0xB8, 0x11, 0x22, 0x33, 0x44,              // 1FFDh: mov eax, 44332211h
          0xC6, 0x04, 0x25, 0xFE, 0x1F, 0, 0, 0x77,  // mov byte [1FFEh], 77h
          0xEB, 0xF1},                               // jmp 1FFDh
         0x1FFD, 0x1FFD);
    run(4);
    EXPECT_EQ(gpr(kRax), 0x44332277u);
}

TEST_P(CodeChanges, ByTheHostInTheSecondPageOfAnInstruction) {
    boot({0xB8, 0x11, 0x22, 0x33, 0x44, 0xEB, 0xF9}, 0x1FFD, 0x1FFD);  // 1: mov eax, ...; jmp 1b
    run(4);
    EXPECT_EQ(gpr(kRax), 0x44332211u);
    vm_.load({0x99}, 0x2001);
    run(1);
    EXPECT_EQ(gpr(kRax), 0x99332211u);
}

TEST_P(CodeChanges, ByTheHostUnderAnAlias) {
    boot({0xB8, 1, 0, 0, 0, 0xEB, 0xF9}, kPage, kAlias);  // 1: mov eax, 1; jmp 1b
    run(4);
    vm_.load({2}, kPage + 1);
    run(1);
    EXPECT_EQ(gpr(kRax), 2u);
}

TEST_P(CodeChanges, ByRepStosOverWhatComesNext) {
    boot({0xF3, 0xAA,                    // rep stosb
          0xFF, 0xC3, 0xFF, 0xC3, 0xF8,  // 1002h: inc ebx; inc ebx; clc: five NOPs then
          0xFF, 0xC2, 0xEB, 0xFE},       // inc edx
         kEntry, kEntry);
    change([](CpuState& state) {
        state.gpr[kRax] = 0x90;
        state.gpr[kRcx] = 5;
        state.gpr[kRdi] = 0x1002;
        state.gpr[kRbx] = state.gpr[kRdx] = 0;
    });
    run(5 + 5 + 1);
    EXPECT_EQ(gpr(kRbx), 0u);
    EXPECT_EQ(gpr(kRdx), 1u);
}

TEST_P(CodeChanges, ByRepMovsOverWhatComesNext) {
    boot({0xF3, 0xA4,  // rep movsb
          0xFF, 0xC3,  // 1002h: inc ebx; inc ebp then
          0xEB, 0xFE},
         kEntry, kEntry);
    vm_.load({0xFF, 0xC5}, 0x3000);
    change([](CpuState& state) {
        state.gpr[kRcx] = 2;
        state.gpr[kRsi] = 0x3000;
        state.gpr[kRdi] = 0x1002;
        state.gpr[kRbx] = state.gpr[kRbp] = 0;
    });
    run(2 + 1);
    EXPECT_EQ(gpr(kRbx), 0u);
    EXPECT_EQ(gpr(kRbp), 1u);
}

TEST_P(CodeChanges, InTheBlockOfAnotherPageThatIsChainedToThisOne) {
    boot({0xFF, 0x04, 0x25, 0x01, 0x20, 0, 0,  // 1000h: inc dword [2001h]
          0xE9, 0xF4, 0x0F, 0, 0},             // jmp 2000h
         kEntry, kEntry);
    vm_.load({0xB8, 0, 0, 0, 0,               // 2000h: mov eax, 0
              0xE9, 0xF6, 0xEF, 0xFF, 0xFF},  // jmp 1000h
             kPage);
    run(4 * 9);
    EXPECT_EQ(gpr(kRax), 9u);
}

}  // namespace
}  // namespace hvlab
