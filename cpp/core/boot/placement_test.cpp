// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/random.h"

namespace hvlab {
namespace {

TEST(FreeMemory, LowestPageFrom1MiBOn) {
    const GuestMemory memory(2 * kMiB);
    FreeMemory free(memory);
    free.take(0x7C00, 512);
    EXPECT_EQ(free.place(1), 0x100000u);
    EXPECT_EQ(free.place(kPageSize), 0x101000u);
    EXPECT_EQ(free.place(kPageSize + 1), 0x102000u);
    EXPECT_EQ(free.place(1), 0x104000u);
}

TEST(FreeMemory, GapsAreFilledIfLargeEnough) {
    const GuestMemory memory(2 * kMiB);
    FreeMemory free(memory);
    free.take(0x180000, 0x1001);
    free.take(0x100000, 1);
    free.take(0x103000, 0x1000);
    EXPECT_EQ(free.place(0x2000), 0x101000u);
    EXPECT_EQ(free.place(0x7C001), 0x182000u);  // 104000h-17FFFFh has a byte less
    EXPECT_EQ(free.place(0x7C000), 0x104000u);
    EXPECT_EQ(free.place(0x1001), std::nullopt);
    EXPECT_EQ(free.place(0x1000), 0x1FF000u);
}

TEST(FreeMemory, TheEndOfMemoryAndTheDeviceHole) {
    const GuestMemory small(2 * kMiB);
    EXPECT_EQ(FreeMemory(small).place(kMiB), 0x100000u);
    EXPECT_EQ(FreeMemory(small).place(kMiB + 1), std::nullopt);
    const GuestMemory none(1 * kMiB);
    EXPECT_EQ(FreeMemory(none).place(1), std::nullopt);
    const GuestMemory large(5 * kGiB);
    EXPECT_EQ(FreeMemory(large).place(3 * kGiB - kMiB), 0x100000u);
    EXPECT_EQ(FreeMemory(large).place(3 * kGiB - kMiB + 1), std::nullopt);
}

TEST(FreeMemory, WhatCoversEverythingLeavesNothing) {
    const GuestMemory memory(2 * kMiB);
    FreeMemory free(memory);
    free.take(0, 2 * kMiB - 1);
    EXPECT_EQ(free.place(1), std::nullopt);
}

// Whatever is taken in whatever order: places are pages, inside, and lie on nothing.
TEST(FreeMemory, PlacesAreDisjoint) {
    struct Range {
        GuestAddress start;
        GuestAddress end;
    };
    const GuestMemory memory(4 * kMiB);
    RandomStream random(Seed{7});
    for (int round = 0; round < 200; ++round) {
        FreeMemory free(memory);
        std::vector<Range> taken;
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t size = 1 + random.below(0x20000);
            const GuestAddress anywhere = random.below(4 * kMiB - size);
            const bool placed = random.below(2) == 0;
            if (!placed) free.take(anywhere, size);
            const auto address = placed ? free.place(size) : anywhere;
            if (!address) continue;
            const Range range{.start = *address, .end = *address + size};
            if (placed) {
                EXPECT_TRUE(is_aligned(range.start, kPageSize));
                EXPECT_GE(range.start, 0x100000u);
                EXPECT_LE(range.end, memory.size());
                EXPECT_TRUE(std::ranges::none_of(taken, [&](const Range& other) {
                    return range.start < other.end && other.start < range.end;
                }));
            }
            taken.push_back(range);
        }
    }
}

}  // namespace
}  // namespace hvlab
