// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/long_mode.h"

#include <gtest/gtest.h>

#include "core/boot/test_descriptors.h"

namespace hvlab {
namespace {

class LongModeTest : public ::testing::Test {
protected:
    // As a CPU walks 4-level tables (Intel SDM vol. 3 s. 4.5); nothing if not present.
    std::optional<GuestAddress> translate(std::uint64_t linear) const {
        GuestAddress table = state_.cr3;
        for (int shift = 39; shift >= 12; shift -= 9) {
            const auto entry =
                memory_.read_value<std::uint64_t>(table + (linear >> shift & 511) * 8);
            if (!entry || (*entry & 3) != 3) return std::nullopt;
            const std::uint64_t address = *entry & 0x000FFFFFFFFFF000;
            if (shift == 12 || (*entry & 0x80) != 0) {
                return address | (linear & ((std::uint64_t{1} << shift) - 1));
            }
            table = address;
        }
        return std::nullopt;
    }

    GuestMemory memory_{1 * kMiB};
    CpuState state_ = enter_long_mode(memory_, {.gdt = 0x500, .pages = 0x2000});
};

TEST_F(LongModeTest, FirstFourGigabytesAreMappedToThemselves) {
    for (const std::uint64_t linear :
         {std::uint64_t{0}, std::uint64_t{0x1234}, 2 * kMiB - 1, 2 * kMiB, kGiB - 1, kGiB,
          3 * kGiB + 12345678, 4 * kGiB - 1}) {
        EXPECT_EQ(translate(linear), linear) << std::hex << linear;
    }
    EXPECT_EQ(translate(4 * kGiB), std::nullopt);
    EXPECT_EQ(translate(512 * kGiB), std::nullopt);
}

TEST_F(LongModeTest, ControlRegistersAreIn64BitMode) {
    EXPECT_EQ(state_.cr0, 0x80000011u);
    EXPECT_EQ(state_.cr4, 0x20u);
    EXPECT_EQ(state_.msrs.efer, 0x500u);
    EXPECT_EQ(state_.rflags, 2u);
    EXPECT_EQ(state_.idtr.limit, 0u);
    EXPECT_TRUE(state_.cs.l);
    EXPECT_FALSE(state_.cs.db);
}

// The hidden parts must be what reloading the selectors from the GDT would give.
TEST_F(LongModeTest, SegmentsAgreeWithTheGdt) {
    for (const Segment* segment :
         {&state_.cs, &state_.ds, &state_.es, &state_.fs, &state_.gs, &state_.ss}) {
        expect_as_in_gdt(memory_, state_, *segment);
    }
    EXPECT_EQ(state_.cs.selector, 0x10);
    EXPECT_EQ(state_.ss.selector, 0x18);
}

TEST_F(LongModeTest, MtrrsMakeTheHoleUncached) {
    EXPECT_EQ(state_.msrs.mtrr_def_type, 0xC06u);
    EXPECT_EQ(state_.msrs.mtrr_phys_base[0], 0xC0000000u);
    EXPECT_EQ(state_.msrs.mtrr_phys_mask[0], 0xFFC0000800u);
    EXPECT_EQ(state_.msrs.mtrr_fixed[0], 0x0606060606060606u);
    EXPECT_EQ(state_.msrs.mtrr_fixed[2], 0u);
    EXPECT_EQ(state_.msrs.mtrr_phys_mask[1], 0u);
}

TEST_F(LongModeTest, NothingElseIsWritten) {
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x2000 + kLongModePageTables), 0u);
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x2000 - 8), 0u);
    EXPECT_EQ(memory_.read_value<std::uint64_t>(0x500 + kLongModeGdtSize), 0u);
}

}  // namespace
}  // namespace hvlab
