// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <gtest/gtest.h>

#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// That the hidden part of a segment register is what its selector would load from the GDT in guest
// memory (Intel SDM vol. 3 s. 3.4.5).
inline void expect_as_in_gdt(const GuestMemory& memory, const CpuState& state,
                             const Segment& segment) {
    const std::uint64_t offset = segment.selector & ~std::uint64_t{7};
    ASSERT_LE(offset + 7, state.gdtr.limit);
    const std::uint64_t raw = memory.read_value<std::uint64_t>(state.gdtr.base + offset).value();
    const std::uint64_t limit = (raw & 0xFFFF) | (raw >> 32 & 0xF0000);
    const bool g = (raw >> 55 & 1) != 0;
    EXPECT_EQ(segment.base, (raw >> 16 & 0xFFFFFF) | (raw >> 32 & 0xFF000000));
    EXPECT_EQ(segment.limit, g ? limit << 12 | 0xFFF : limit);
    EXPECT_EQ(segment.type, raw >> 40 & 0xF);
    EXPECT_EQ(segment.s, (raw >> 44 & 1) != 0);
    EXPECT_EQ(segment.dpl, raw >> 45 & 3);
    EXPECT_EQ(segment.present, (raw >> 47 & 1) != 0);
    EXPECT_EQ(segment.l, (raw >> 53 & 1) != 0);
    EXPECT_EQ(segment.db, (raw >> 54 & 1) != 0);
    EXPECT_EQ(segment.g, g);
}

}  // namespace hvlab
