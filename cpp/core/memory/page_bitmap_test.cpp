// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/memory/page_bitmap.h"

#include <gmock/gmock.h>

#include <limits>

#include "core/base/random.h"

namespace hvlab {
namespace {

std::vector<std::uint64_t> set_pages(const PageBitmap& bitmap) {
    std::vector<std::uint64_t> pages;
    bitmap.for_each([&](std::uint64_t page) { pages.push_back(page); });
    return pages;
}

TEST(PageBitmap, SetTestAndBounds) {
    PageBitmap bitmap(65);
    bitmap.set(0);
    bitmap.set(64);
    bitmap.set(65);
    bitmap.set(std::numeric_limits<std::uint64_t>::max());
    EXPECT_THAT(set_pages(bitmap), ::testing::ElementsAre(0, 64));
    EXPECT_TRUE(bitmap.test(64));
    EXPECT_FALSE(bitmap.test(63));
    EXPECT_FALSE(bitmap.test(65));
    EXPECT_FALSE(bitmap.test(std::numeric_limits<std::uint64_t>::max()));
    EXPECT_EQ(bitmap.count(), 2u);
    bitmap.clear();
    EXPECT_TRUE(bitmap.none());
    EXPECT_EQ(bitmap.pages(), 65u);
    EXPECT_TRUE(PageBitmap().none());
}

TEST(PageBitmap, RangesAgreeWithAModel) {
    RandomStream random(Seed(21));
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t pages = random.below(300);
        PageBitmap bitmap(pages);
        std::vector<bool> model(pages);
        for (int i = 0; i < 3; ++i) {
            const std::uint64_t first = random.below(310);
            std::uint64_t count = random.below(200);
            if (random.below(10) == 0) count = std::numeric_limits<std::uint64_t>::max();
            bitmap.set_range(first, count);
            for (std::uint64_t page = first; page < pages && page - first < count; ++page) {
                model[page] = true;
            }
        }
        std::vector<std::uint64_t> expected;
        for (std::uint64_t page = 0; page < pages; ++page) {
            if (model[page]) expected.push_back(page);
        }
        ASSERT_EQ(set_pages(bitmap), expected);
        ASSERT_EQ(bitmap.count(), expected.size());
    }
}

TEST(PageBitmap, Union) {
    PageBitmap a(100);
    PageBitmap b(100);
    a.set(1);
    b.set(1);
    b.set(99);
    a |= b;
    EXPECT_EQ(a, b);
    EXPECT_THAT(set_pages(a), ::testing::ElementsAre(1, 99));
}

TEST(PageBitmapDeathTest, UnionOfDifferentSizesIsABug) {
    PageBitmap a(100);
    const PageBitmap b(101);
    EXPECT_DEATH(a |= b, "pages_ == other.pages_");
}

}  // namespace
}  // namespace hvlab
