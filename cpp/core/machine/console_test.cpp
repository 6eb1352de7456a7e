// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace hvlab {
namespace {

using testing::ElementsAre;

// Prints bytes one nanosecond apart; the offset of the byte that completed the search, if one did.
std::optional<std::size_t> print(Console& console, std::string_view text) {
    std::optional<std::size_t> completed;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto now = static_cast<Nanoseconds>(console.bytes_written());
        if (console.append(static_cast<std::uint8_t>(text[i]), now) && !completed) completed = i;
    }
    return completed;
}

bool start(Console& console, const ConsolePattern& pattern) {
    console.await(pattern, 0);
    return console.begin_search();
}

std::optional<ConsoleMatch> finish(Console& console, bool final) {
    std::optional<ConsoleMatch> match;
    if (console.found(final)) match = console.take();
    console.end_search();
    return match;
}

std::string matched(const std::optional<ConsoleMatch>& match) {
    return match ? match->groups[0].value() : "(no match)";
}

TEST(ConsoleText, StopsAtTheByteThatCompletesTheMatch) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::text("ready");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_EQ(print(console, "not yet ready to go"), 12u);
    const auto match = finish(console, false);
    EXPECT_EQ(matched(match), "ready");
    EXPECT_EQ(match->time, 12);
}

TEST(ConsoleText, SpansLinesWhateverTheCarriageReturns) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::text("one\r\ntwo");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_TRUE(print(console, "one\r\ntwo"));
    EXPECT_EQ(console.text(), "one\ntwo");
    EXPECT_EQ(console.bytes_written(), 8u);
}

TEST(ConsoleText, OverlappingPrefixIsFound) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::text("aab");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_EQ(print(console, "aaab"), 3u);
}

TEST(ConsoleSearch, NextSearchBeginsBehindTheMatch) {
    Console console;
    print(console, "# one\n# two\n# ");
    const ConsolePattern prompt = ConsolePattern::text("# ");
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(start(console, prompt));
        EXPECT_EQ(matched(finish(console, false)), "# ");
    }
    EXPECT_FALSE(start(console, prompt));
    EXPECT_EQ(matched(finish(console, true)), "(no match)");
}

TEST(ConsoleRegex, GreedyMatchWaitsForItsEnd) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex(R"(echo: (\w+))");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_EQ(print(console, "echo: hello\r\n"), 12u);
    const auto match = finish(console, false);
    EXPECT_EQ(match->groups[1], "hello");
}

TEST(ConsoleRegex, GreedyMatchStandsWhenNothingFollows) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex(R"(value (\d+))");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_FALSE(print(console, "value 42"));
    EXPECT_EQ(matched(finish(console, true)), "value 42");
}

TEST(ConsoleRegex, ClosedPatternMatchesAtOnce) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex(R"((/ # |\$ ))");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_EQ(print(console, "\r\n/ # "), 5u);
}

TEST(ConsoleRegex, DollarIsTheEndOfALineAndNotAPause) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex("^done$");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_FALSE(print(console, "done"));
    EXPECT_FALSE(print(console, " not\ndone"));
    EXPECT_EQ(print(console, "\r\n"), 1u);
}

TEST(ConsoleRegex, CaretDoesNotMatchInTheMiddleOfALine) {
    Console console;
    const ConsolePattern hash = ConsolePattern::text("# ");
    print(console, "# ls");
    ASSERT_TRUE(start(console, hash));
    finish(console, false);
    const ConsolePattern pattern = ConsolePattern::regex("^ls");
    EXPECT_FALSE(start(console, pattern));
    EXPECT_EQ(print(console, " x\nls"), 4u);
}

TEST(ConsoleRegex, NamedGroups) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex("^(?P<sum>[0-9a-f]{4}) (x)?");
    ASSERT_FALSE(start(console, pattern));
    print(console, "beef  -\n");
    const auto match = finish(console, false);
    ASSERT_TRUE(match);
    EXPECT_THAT(match->group_names, ElementsAre(std::pair(1, std::string("sum"))));
    EXPECT_EQ(match->groups[1], "beef");
    EXPECT_EQ(match->groups[2], std::nullopt);
}

TEST(ConsoleRegex, LongLineIsSearchedInABoundedWindow) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex("^needle|needle!");
    ASSERT_FALSE(start(console, pattern));
    const std::string filler(3 * ConsolePattern::kWindow, 'x');
    EXPECT_FALSE(print(console, filler + "needle"));  // `^` is not the window's edge
    EXPECT_TRUE(print(console, "!\n"));
}

TEST(ConsoleRegex, BytesThatAreNotTextDoNotMatchADot) {
    Console console;
    const ConsolePattern pattern = ConsolePattern::regex("a.b");
    ASSERT_FALSE(start(console, pattern));
    EXPECT_FALSE(print(console,
                       "a\xFF"
                       "b"));
    EXPECT_TRUE(print(console,
                      "a\xC3\xA9"
                      "b"));
}

// A search gives the same match whether it begins before the output, after it, or anywhere between.
TEST(ConsoleRegex, ReplayEqualsLive) {
    const std::string output = "\r\nbooting 17...\nvalue 1234 ok\r\nvalue 5 \n# ";
    for (const char* source : {R"(value (\d+))", "ok$", "^value", "# ", R"(\d+\.)", "value 5 ?"}) {
        const ConsolePattern pattern = ConsolePattern::regex(source);
        std::optional<std::pair<std::string, Nanoseconds>> expected;
        for (std::size_t begin = 0; begin <= output.size(); ++begin) {
            Console console;
            print(console, std::string_view(output).substr(0, begin));
            start(console, pattern);
            print(console, std::string_view(output).substr(begin));
            const auto match = finish(console, true);
            ASSERT_TRUE(match) << source;
            const std::pair found{matched(match), match->time};
            if (!expected) expected = found;
            EXPECT_EQ(found, *expected) << source << " begun at " << begin;
        }
    }
}

TEST(ConsolePatterns, BadOnesAreRefused) {
    EXPECT_THROW(ConsolePattern::text(""), PatternError);
    EXPECT_THROW(ConsolePattern::text("\r"), PatternError);
    EXPECT_THROW(ConsolePattern::regex(""), PatternError);
    EXPECT_THAT([] { ConsolePattern::regex("(ab"); },
                testing::ThrowsMessage<PatternError>("missing ): (ab"));
    EXPECT_THROW(ConsolePattern::regex("x*"), PatternError);
    EXPECT_THROW(ConsolePattern::regex("(?=x)"), PatternError);
    EXPECT_THROW(ConsolePattern::text(std::string(ConsolePattern::kMaxLength + 1, 'x')),
                 PatternError);
}

TEST(ConsoleHistory, IsBoundedAndCountsWhatItDropped) {
    Console console;
    const std::string line = std::string(1023, 'x') + "\n";
    const std::size_t lines = 3 * Console::kKeep / line.size();
    for (std::size_t i = 0; i < lines; ++i) print(console, line);
    EXPECT_LE(console.text().size(), 2 * Console::kKeep + 1);
    EXPECT_GE(console.text().size(), Console::kKeep);
    EXPECT_EQ(console.dropped() + console.text().size(), lines * line.size());
    const ConsolePattern pattern = ConsolePattern::regex("^end$");
    start(console, pattern);
    EXPECT_TRUE(print(console, "end\n"));
}

TEST(ConsoleHistory, LinesHaveTheTimeOfTheirFirstByte) {
    Console console;
    print(console, "ab\n\ncd");
    const auto lines = console.lines();
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].text, "ab");
    EXPECT_EQ(lines[0].time, 0);
    EXPECT_EQ(lines[1].text, "");
    EXPECT_EQ(lines[1].time, 3);
    EXPECT_EQ(lines[2].text, "cd");
    EXPECT_EQ(lines[2].time, 4);
}

TEST(ConsoleHistory, TailShowsTheLastLines) {
    Console console;
    EXPECT_EQ(console.tail(3), "");
    print(console, "one\ntwo\nthree\n");
    EXPECT_EQ(console.tail(1), "three\n");
    EXPECT_EQ(console.tail(2), "two\nthree\n");
    EXPECT_EQ(console.tail(9), "one\ntwo\nthree\n");
    print(console, "four");
    EXPECT_EQ(console.tail(2), "three\nfour");
}

}  // namespace
}  // namespace hvlab
