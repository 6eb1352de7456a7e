// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/screen_search.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

class ScreenSearchTest : public testing::Test {
protected:
    ScreenSearchTest() {
        screen_.on_write([this](std::uint64_t offset, unsigned size, std::uint64_t) {
            ++now_;
            completed_ = search_.written(offset, size, now_) || completed_;
        });
        screen_.on_layout([this] { completed_ = search_.layout_changed(++now_) || completed_; });
    }
    bool begin(const ConsolePattern& pattern, Nanoseconds now) {
        search_.end();
        search_.await(pattern, 0);
        return search_.begin(now);
    }
    std::optional<ConsoleMatch> finish() {
        std::optional<ConsoleMatch> match;
        if (search_.found()) match = search_.take();
        search_.end();
        return match;
    }
    void poke(unsigned row, unsigned column, unsigned size, std::uint64_t value) {
        screen_.write(TextScreen::kMemoryOffset + (row * 80 + column) * 2, size, value);
    }
    void print(unsigned row, unsigned column, std::string_view text) {
        for (const char c : text) poke(row, column++, 1, static_cast<unsigned char>(c));
    }

    Timeline timeline_;
    TextScreen screen_{timeline_};
    ScreenSearch search_{screen_};
    Nanoseconds now_ = 0;  // counts writes
    bool completed_ = false;
};

TEST_F(ScreenSearchTest, TheWriteThatCompletesATextInARow) {
    const ConsolePattern pattern = ConsolePattern::text("ready");
    EXPECT_FALSE(begin(pattern, 0));
    print(4, 78, "re");
    print(5, 0, "ady");
    EXPECT_FALSE(completed_) << "a text does not span rows";
    print(6, 7, "ead");
    print(6, 6, "r");
    EXPECT_FALSE(completed_);
    print(6, 10, "yes");
    EXPECT_TRUE(completed_);
    const std::optional<ConsoleMatch> match = finish();
    ASSERT_TRUE(match);
    EXPECT_EQ(match->groups[0], "ready");
    EXPECT_EQ(match->time, 10) << "of the first write that completed it";
    EXPECT_EQ(match->place->row, 6u);
    EXPECT_EQ(match->place->column, 6u);
    EXPECT_FALSE(finish()) << "told once";
}

TEST_F(ScreenSearchTest, WhatIsThereAlreadyCounts) {
    print(24, 0, "login: ");
    const ConsolePattern pattern = ConsolePattern::regex("^(?P<what>\\w+):$");
    ASSERT_TRUE(begin(pattern, 77));
    const std::optional<ConsoleMatch> match = finish();
    EXPECT_EQ(match->groups[1], "login");
    EXPECT_EQ(match->group_names[0].second, "what");
    EXPECT_EQ(match->time, 77);
    EXPECT_TRUE(begin(pattern, 78)) << "and again: a screen is not used up";
}

TEST_F(ScreenSearchTest, ATextMayEndInSpaces) {
    print(1, 0, "#");
    const ConsolePattern prompt = ConsolePattern::text("# ");
    EXPECT_TRUE(begin(prompt, 0));
    const ConsolePattern expression = ConsolePattern::regex("# ");
    EXPECT_FALSE(begin(expression, 0));
}

TEST_F(ScreenSearchTest, ScrollingCompletesToo) {
    screen_.write(TextScreen::kMemoryOffset + 30 * 160, 4, 0x074B074F);  // below the last row
    const ConsolePattern pattern = ConsolePattern::text("OK");
    EXPECT_FALSE(begin(pattern, 0));
    screen_.write(TextScreen::kCrtcOffset, 2, 0x0D | (6 * 80 & 0xFF) << 8);
    EXPECT_FALSE(completed_);
    screen_.write(TextScreen::kCrtcOffset, 2, 0x0C | (6 * 80 >> 8) << 8);
    EXPECT_TRUE(completed_);
    EXPECT_EQ(finish()->place->row, 24u);
}

TEST_F(ScreenSearchTest, ColumnsAreCharactersNotBytes) {
    poke(0, 0, 4, 0x07DB07DB);  // two full blocks, three bytes each in UTF-8
    print(0, 2, "x");
    const ConsolePattern pattern = ConsolePattern::text("x");
    ASSERT_TRUE(begin(pattern, 0));
    EXPECT_EQ(finish()->place->column, 2u);
}

}  // namespace
}  // namespace hvlab
