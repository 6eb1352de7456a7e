// SPDX-License-Identifier: GPL-2.0-or-later
//
// The architectural state goes in and comes out unchanged, and what does not fit is refused by
// name.
#include <gmock/gmock.h>

#include "backends/unicorn/test/test_vm.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

using testing::HasSubstr;

class StateTest : public testing::Test {
protected:
    std::string refusal(const CpuState& state) {
        try {
            vm_.vcpu->set_state(state);
        } catch (const BackendError& error) {
            return error.what();
        }
        return "accepted";
    }
    TestVm vm_;
};

class RandomState {
public:
    explicit RandomState(std::uint64_t seed) : random_(Seed(seed)) {}

    CpuState next() {
        CpuState state;
        for (auto& reg : state.gpr) reg = word();
        state.rip = word();
        state.rflags = (word() & 0x3F7FD5) | 2;
        for (Segment* each : {&state.cs, &state.ds, &state.es, &state.fs, &state.gs, &state.ss,
                              &state.ldtr, &state.tr}) {
            *each = segment();
        }
        state.gdtr = {.base = word(), .limit = narrow<std::uint16_t>()};
        state.idtr = {.base = word(), .limit = narrow<std::uint16_t>()};
        state.cr0 = 0x80000011 | (word() & 0x4000E);
        state.cr2 = word();
        state.cr3 = word() & 0xFFFFFFF000;
        state.cr4 = word() & 0x3107FF;
        state.cr8 = word() & 15;
        for (auto& reg : state.dr) reg = word();
        state.dr6 = 0xFFFF0FF0 | (word() & 15);
        state.dr7 = 0x400 | (word() & 0xFF);
        fill(state.msrs);
        fill(state.fpu);
        state.nmi_pending = flip();
        state.nmi_blocked = flip();
        state.shadow_sti = flip();
        state.shadow_mov_ss = !state.shadow_sti && flip();
        state.halted = flip();
        if (flip()) state.exception = {.pending = true, .vector = 6};
        if (flip()) {
            state.exception = {.pending = true,
                               .vector = 14,
                               .has_error_code = true,
                               .error_code = narrow<std::uint16_t>()};
        }
        return state;
    }

private:
    std::uint64_t word() { return random_.next(); }
    template <typename T>
    T narrow() {
        return static_cast<T>(random_.next());
    }
    bool flip() { return random_.below(2) == 1; }

    Segment segment() {
        return {.base = word(),
                .limit = narrow<std::uint32_t>(),
                .selector = narrow<std::uint16_t>(),
                .type = static_cast<std::uint8_t>(random_.below(16)),
                .s = flip(),
                .dpl = static_cast<std::uint8_t>(random_.below(4)),
                .present = flip(),
                .avl = flip(),
                .l = flip(),
                .db = flip(),
                .g = flip()};
    }
    void fill(Msrs& msrs) {
        msrs.efer = 0x501 | (flip() ? 0x800u : 0);
        for (auto* reg : {&msrs.star, &msrs.lstar, &msrs.cstar, &msrs.fmask, &msrs.kernel_gs_base,
                          &msrs.sysenter_esp, &msrs.sysenter_eip, &msrs.pat, &msrs.tsc_offset,
                          &msrs.misc_enable, &msrs.mtrr_def_type}) {
            *reg = word();
        }
        msrs.sysenter_cs = narrow<std::uint32_t>();
        msrs.tsc_aux = narrow<std::uint32_t>();
        for (auto& reg : msrs.mtrr_fixed) reg = word();
        for (auto& reg : msrs.mtrr_phys_base) reg = word();
        for (auto& reg : msrs.mtrr_phys_mask) reg = word();
    }
    void fill(FpuState& fpu) {
        fpu.fcw = narrow<std::uint16_t>();
        fpu.fsw = narrow<std::uint16_t>();
        fpu.ftw = narrow<std::uint8_t>();
        fpu.fop = narrow<std::uint16_t>();
        fpu.fip = word();
        fpu.fdp = word();
        for (auto& reg : fpu.st) {
            for (auto& byte : reg) byte = narrow<std::uint8_t>();
        }
        for (auto& reg : fpu.xmm) reg = {word(), word()};
        fpu.mxcsr = narrow<std::uint16_t>();
    }

    RandomStream random_;
};

TEST_F(StateTest, ANewVcpuIsInTheResetState) {
    EXPECT_EQ(vm_.vcpu->state(), reset_state(CpuModel::named("x86-64-v2").cpuid(1, 0).eax));
}

TEST_F(StateTest, EverythingComesBackAsItWentIn) {
    RandomState random(9);
    for (int i = 0; i < 2000; ++i) {
        const CpuState state = random.next();
        vm_.vcpu->set_state(state);
        ASSERT_EQ(vm_.vcpu->state(), state) << i;
    }
}

TEST_F(StateTest, NothingOfTheOldStateStays) {
    RandomState random(10);
    for (int i = 0; i < 200; ++i) vm_.vcpu->set_state(random.next());
    vm_.vcpu->set_state(reset_state());
    EXPECT_EQ(vm_.vcpu->state(), reset_state());
    vm_.load({0xFF, 0xC0, 0xEB, 0xFC}, 0x7C00);  // 1: inc ax; jmp 1b
    CpuState state = reset_state();
    state.cs.selector = 0;
    state.cs.base = 0;
    state.rip = 0x7C00;
    vm_.vcpu->set_state(state);
    EXPECT_EQ(vm_.vcpu->run({.instructions = 100}).kind, ExitKind::kBudget);
    EXPECT_EQ(vm_.vcpu->state().gpr[kRax], 50u);
}

TEST_F(StateTest, BreakpointRegistersWork) {
    vm_.load({0x90, 0x90, 0x90, 0xEB, 0xFE});
    vm_.load({0xEB, 0xFE}, 0x3000);
    vm_.enter_long_mode();
    vm_.ram.put(TestVm::kIdt + 16, 0x00008E0000103000ull);
    CpuState state = vm_.vcpu->state();
    state.dr[1] = kEntry + 2;
    state.dr7 = 0x408;
    vm_.vcpu->set_state(state);
    EXPECT_EQ(vm_.vcpu->state(), state);
    vm_.vcpu->run({.instructions = 3});
    EXPECT_EQ(vm_.vcpu->state().rip, 0x3000u);
    EXPECT_EQ(vm_.vcpu->state().dr6 & 0xF, 2u);
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(vm_.vcpu->state().gpr[kRsp]), kEntry + 2);
}

TEST_F(StateTest, WhatDoesNotFitIsRefusedByName) {
    const CpuState good = reset_state();
    CpuState bad = good;
    bad.cr4 = 1 << 18;
    EXPECT_THAT(refusal(bad), HasSubstr("cr4=0x40000: bits 0x40000"));
    bad = good;
    bad.msrs.efer = 1 << 12;
    EXPECT_THAT(refusal(bad), HasSubstr("efer"));
    bad = good;
    bad.cr8 = 16;
    EXPECT_THAT(refusal(bad), HasSubstr("cr8"));
    bad = good;
    bad.shadow_sti = bad.shadow_mov_ss = true;
    EXPECT_THAT(refusal(bad), HasSubstr("interrupt shadow"));
    bad = good;
    bad.exception = {.pending = true, .vector = 14};
    EXPECT_THAT(refusal(bad), HasSubstr("pending exception 14 without an error code"));
    bad = good;
    bad.exception = {.pending = true, .vector = 33};
    EXPECT_THAT(refusal(bad), HasSubstr("pending exception 33"));
    EXPECT_EQ(refusal(good), "accepted");
}

TEST(Backend, ReportsItself) {
    UnicornBackend backend;
    EXPECT_EQ(backend.name(), "unicorn");
    EXPECT_TRUE(backend.capabilities().deterministic);
    EXPECT_TRUE(backend.capabilities().instruction_count);
    TestVm vm;
    EXPECT_NE(vm.vcpu->capability<TranslationCache>(), nullptr);
    EXPECT_THROW(vm.vm->create_vcpu(backend.capabilities().max_vcpus, vm.handler), BackendError);
}

TEST(Backend, ManyVmsComeAndGo) {
    for (int i = 0; i < 200; ++i) {
        TestVm vm;
        vm.load({0xFF, 0xC0, 0xEB, 0xFC});
        vm.enter_long_mode();
        ASSERT_EQ(vm.vcpu->run({.instructions = 100}).kind, ExitKind::kBudget);
        if (i % 2 == 0) vm.vm.reset();  // before its vCPU: that has to go too
    }
}

}  // namespace
}  // namespace hvlab
