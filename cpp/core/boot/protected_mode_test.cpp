// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/protected_mode.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

class ProtectedModeTest : public ::testing::Test {
protected:
    GuestMemory memory_{1 * kMiB};
    CpuState state_ = enter_protected_mode(memory_, 0x500);
};

TEST_F(ProtectedModeTest, ControlRegistersAreIn32BitMode) {
    EXPECT_EQ(state_.cr0, 0x11u);
    EXPECT_EQ(state_.cr3, 0u);
    EXPECT_EQ(state_.cr4, 0u);
    EXPECT_EQ(state_.msrs.efer, 0u);
    EXPECT_EQ(state_.rflags, 2u);
    EXPECT_EQ(state_.idtr.limit, 0u);
    for (const std::uint64_t value : state_.gpr) EXPECT_EQ(value, 0u);
    EXPECT_EQ(state_.msrs.mtrr_def_type, 0xC06u);
}

TEST_F(ProtectedModeTest, SegmentsAreFlatAndAsTheGdtHasThem) {
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x510), 0x00CF9B000000FFFFu);
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x518), 0x00CF93000000FFFFu);
    EXPECT_EQ(state_.gdtr.base, 0x500u);
    EXPECT_EQ(state_.gdtr.limit, 0x1F);
    const Segment code{
        .base = 0, .limit = 0xFFFFFFFF, .selector = 0x10, .type = 0xB, .db = true, .g = true};
    EXPECT_EQ(state_.cs, code);
    Segment data = code;
    data.selector = 0x18;
    data.type = 0x3;
    for (const Segment* segment : {&state_.ds, &state_.es, &state_.fs, &state_.gs, &state_.ss}) {
        EXPECT_EQ(*segment, data);
    }
}

// As PVH wants it: busy 32-bit TSS, base 0, limit 67h.
TEST_F(ProtectedModeTest, TaskRegister) {
    EXPECT_EQ(state_.tr.base, 0u);
    EXPECT_EQ(state_.tr.limit, 0x67u);
    EXPECT_EQ(state_.tr.type, 0xB);
    EXPECT_FALSE(state_.tr.s);
    EXPECT_TRUE(state_.tr.present);
}

TEST_F(ProtectedModeTest, NothingElseIsWritten) {
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x500 - 8), 0u);
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x500 + kProtectedModeGdtSize), 0u);
}

}  // namespace
}  // namespace hvlab
