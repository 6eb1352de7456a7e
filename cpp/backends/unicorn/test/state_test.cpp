// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine keeps states that no processor can be in, too: whatever bits go in come out.
// (tests/conformance has the states that there are.)
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

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

TEST(EngineState, EverythingComesBackAsItWentIn) {
    conformance::Guest guest(conformance::unicorn_backend());
    RandomState random(9);
    for (int i = 0; i < 2000; ++i) {
        const CpuState state = random.next();
        guest.vcpu->set_state(state);
        ASSERT_EQ(guest.state(), state) << i;
    }
    guest.vcpu->set_state(reset_state());
    EXPECT_EQ(guest.state(), reset_state());
}

}  // namespace
}  // namespace hvlab
