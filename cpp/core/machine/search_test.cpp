// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/search.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

class SearchTest : public testing::Test {
protected:
    void await(std::size_t index, const ConsolePattern& pattern) {
        search_.await({.pattern = &pattern}, index);
    }
    void await(std::size_t index, PortPattern port) {
        search_.await({.place = Awaited::Place::kPort, .port = port}, index);
    }
    bool print(std::string_view text) {
        bool completed = false;
        for (const char c : text) {
            completed = search_.printed(static_cast<std::uint8_t>(c), ++now_) || completed;
        }
        return completed;
    }
    Stop taken() {
        Stop stop;
        search_.take(stop);
        search_.end();
        return stop;
    }

    Timeline timeline_;
    TextScreen screen_{timeline_};
    Console console_;
    Search search_{console_, screen_};
    Nanoseconds now_ = 0;
    const ConsolePattern panic_ = ConsolePattern::text("panic");
    const ConsolePattern prompt_ = ConsolePattern::regex(R"((\w+)# )");
    const ConsolePattern longer_ = ConsolePattern::text("a panic");
};

TEST_F(SearchTest, FirstOfSeveralPatternsToBeCompleted) {
    await(0, prompt_);
    await(1, panic_);
    ASSERT_FALSE(search_.begin(0));
    EXPECT_TRUE(print("no panic\nroot# "));
    const Stop first = taken();
    EXPECT_EQ(first.event, 1u);
    EXPECT_EQ(first.match->groups[0], "panic");
    EXPECT_EQ(first.match->time, 8);

    await(0, prompt_);
    await(1, panic_);
    EXPECT_TRUE(search_.begin(now_)) << "what was printed behind the match is there already";
    const Stop second = taken();
    EXPECT_EQ(second.event, 0u);
    EXPECT_EQ(second.match->groups[1], "root");
}

TEST_F(SearchTest, OneByteThatCompletesTwoGoesToTheFirstOfTheList) {
    for (const bool longer_first : {false, true}) {
        await(3, longer_first ? longer_ : panic_);
        await(5, longer_first ? panic_ : longer_);
        ASSERT_FALSE(search_.begin(now_));
        EXPECT_TRUE(print("a panic"));
        const Stop stop = taken();
        EXPECT_EQ(stop.event, 3u);
        EXPECT_EQ(stop.match->groups[0], longer_first ? "a panic" : "panic");
    }
}

// A search begun late finds the same as one that was there when the output came.
TEST_F(SearchTest, OutputThatIsThereIsReadInItsOrder) {
    print("x a panic, root# ");
    await(0, prompt_);
    await(1, longer_);
    await(2, panic_);
    EXPECT_TRUE(search_.begin(now_));
    EXPECT_EQ(search_.happened(false)->time, 9);
    EXPECT_EQ(taken().event, 1u);
}

TEST_F(SearchTest, WhatWaitsForItsEndCountsWhenNothingFollows) {
    const ConsolePattern number = ConsolePattern::regex(R"(\d+)");
    await(0, panic_);
    await(1, number);
    ASSERT_FALSE(search_.begin(0));
    EXPECT_FALSE(print("42"));
    EXPECT_FALSE(search_.happened(false));
    ASSERT_TRUE(search_.happened(true));
    EXPECT_EQ(taken().event, 1u);
}

TEST_F(SearchTest, PortWritesByPortValueAndWidth) {
    await(0, {.port = 0x80, .value = 0x42});
    await(1, {.port = 0x80, .width = 2});
    ASSERT_FALSE(search_.begin(0));
    EXPECT_FALSE(search_.port_written(0x81, 1, 0x42, 1));
    EXPECT_FALSE(search_.port_written(0x80, 1, 0x41, 2));
    EXPECT_FALSE(search_.port_written(0x80, 4, 0x142, 3)) << "the value is of all bytes";
    EXPECT_TRUE(search_.port_written(0x80, 2, 0x42, 4));
    EXPECT_FALSE(search_.port_written(0x80, 1, 0x42, 5)) << "one was enough";
    const Stop stop = taken();
    EXPECT_EQ(stop.event, 0u);
    EXPECT_FALSE(stop.match);
    EXPECT_EQ(stop.port_write->width, 2u);
    EXPECT_EQ(stop.port_write->value, 0x42u);
    EXPECT_EQ(stop.port_write->time, 4);
    EXPECT_FALSE(search_.awaits_ports());
}

// An OUT to the UART prints, too: one instruction, whatever the clock says between the two.
TEST_F(SearchTest, OneInstructionThatCompletesTwoGoesToTheFirstOfTheList) {
    for (const std::size_t port_index : {1u, 0u}) {
        await(1 - port_index, panic_);
        await(port_index, {.port = 0x3F8, .value = 'c'});
        ASSERT_FALSE(search_.begin(now_));
        EXPECT_TRUE(print("panic"));
        EXPECT_FALSE(search_.port_written(0x3F8, 1, 'c', now_ + 50));
        const Stop stop = taken();
        EXPECT_EQ(stop.event, 0u);
        EXPECT_EQ(stop.port_write.has_value(), port_index == 0);
    }
}

TEST_F(SearchTest, ScreenPatternsInTheOrderOfTheList) {
    const ConsolePattern cd = ConsolePattern::text("cd");
    const ConsolePattern abcd = ConsolePattern::text("abcd");
    for (const ConsolePattern* pattern : {&abcd, &cd}) {
        search_.await({.place = Awaited::Place::kScreen, .pattern = pattern}, 2);
        search_.await({.place = Awaited::Place::kScreen, .pattern = pattern == &cd ? &abcd : &cd},
                      7);
        screen_.reset();
        ASSERT_FALSE(search_.begin(0));
        for (unsigned i = 0; i < 4; ++i)
            screen_.write(TextScreen::kMemoryOffset + 2 * i, 1, 'a' + i);
        EXPECT_TRUE(search_.screen_written(6, 1, 9));
        const Stop stop = taken();
        EXPECT_EQ(stop.event, 2u);
        EXPECT_EQ(stop.match->groups[0], pattern->source());
    }
}

}  // namespace
}  // namespace hvlab
