// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_state.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

// Intel SDM vol. 3 table 10-1.
TEST(ResetState, IsTheManuals) {
    const CpuState state = reset_state(0x30661);
    EXPECT_EQ(state.rip, 0xFFF0u);
    EXPECT_EQ(state.rflags, 2u);
    EXPECT_EQ(state.cr0, 0x60000010u);
    EXPECT_EQ(state.cr2 | state.cr3 | state.cr4 | state.cr8, 0u);
    EXPECT_EQ(state.cs.selector, 0xF000);
    EXPECT_EQ(state.cs.base, 0xFFFF0000u);
    for (const Segment* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
        EXPECT_EQ(segment->selector, 0);
        EXPECT_EQ(segment->base, 0u);
        EXPECT_EQ(segment->limit, 0xFFFFu);
        EXPECT_EQ(segment->type, 3);
        EXPECT_TRUE(segment->present);
        EXPECT_TRUE(segment->s);
    }
    for (const Segment* segment : {&state.ldtr, &state.tr}) {
        EXPECT_EQ(segment->base, 0u);
        EXPECT_EQ(segment->limit, 0xFFFFu);
        EXPECT_FALSE(segment->s);
    }
    EXPECT_EQ(state.gdtr.limit, 0xFFFF);
    EXPECT_EQ(state.idtr.base, 0u);
    EXPECT_EQ(state.gpr[kRdx], 0x30661u);
    for (int i = 0; i < kGprCount; ++i) EXPECT_TRUE(i == kRdx || state.gpr.at(i) == 0) << i;
    EXPECT_EQ(state.dr6, 0xFFFF0FF0u);
    EXPECT_EQ(state.dr7, 0x400u);
    EXPECT_EQ(state.fpu.fcw, 0x40);
    EXPECT_EQ(state.fpu.ftw, 0xFF);
    EXPECT_EQ(state.fpu.mxcsr, 0x1F80u);
    EXPECT_EQ(state.msrs.efer, 0u);
    EXPECT_EQ(state.msrs.pat, 0x0007040600070406u);
    EXPECT_FALSE(state.halted || state.exception.pending || state.nmi_pending);
}

TEST(CpuState, ComparesEveryPart) {
    const CpuState base = reset_state();
    EXPECT_EQ(base, reset_state());
    CpuState other = base;
    other.fpu.xmm[15][1] = 1;
    EXPECT_NE(base, other);
    other = base;
    other.gs.avl = true;
    EXPECT_NE(base, other);
    other = base;
    other.msrs.mtrr_phys_mask[7] = 1;
    EXPECT_NE(base, other);
    other = base;
    other.exception.error_code = 1;
    EXPECT_NE(base, other);
    other = base;
    other.shadow_mov_ss = true;
    EXPECT_NE(base, other);
}

}  // namespace
}  // namespace hvlab
