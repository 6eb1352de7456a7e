// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/source_text.h"

#include <gtest/gtest.h>

namespace hvlab {
namespace {

TEST(SourceText, ColumnsCountCharacters) {
    const SourceText source("ab\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80x\n");
    EXPECT_EQ(source.mark_at(0), (Mark{1, 1}));
    EXPECT_EQ(source.mark_at(2), (Mark{1, 3}));
    EXPECT_EQ(source.mark_at(3), (Mark{2, 1}));
    EXPECT_EQ(source.mark_at(5), (Mark{2, 2}));
    EXPECT_EQ(source.mark_at(8), (Mark{2, 3}));
    EXPECT_EQ(source.mark_at(12), (Mark{2, 4}));
    EXPECT_EQ(source.mark(1, 9), (Mark{2, 4}));
}

TEST(SourceText, PlacesBeyondTheEndAreTheEnd) {
    const SourceText source("ab\ncd");
    EXPECT_EQ(source.mark(7, 0), (Mark{2, 3}));
    EXPECT_EQ(source.mark(1, 100), (Mark{2, 3}));
    EXPECT_EQ(source.line(7), "");
    const SourceText empty("");
    EXPECT_EQ(empty.mark(0, 0), (Mark{1, 1}));
    EXPECT_EQ(empty.line_count(), 1U);
}

TEST(SourceText, LinesComeWithoutTheirBreak) {
    const SourceText source("a\r\nb\n");
    EXPECT_EQ(source.line(0), "a");
    EXPECT_EQ(source.line(1), "b");
    EXPECT_EQ(source.line(2), "");
    EXPECT_EQ(source.line_count(), 3U);
}

// The running count of characters is kept at steps; on both sides of each step it must agree.
TEST(SourceText, MarksAgreeWithACountFromTheStartOnLongLines) {
    std::string text = "first\n";
    for (int i = 0; i < 200; ++i) text += i % 3 == 0 ? "\xC3\xA9" : "x";
    const SourceText source(text);
    std::uint32_t column = 0;
    for (std::size_t at = 6; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
        ++column;
        ASSERT_EQ(source.mark_at(at), (Mark{2, column})) << at;
    }
}

TEST(TextProblem, AcceptsWhatYamlCallsPrintable) {
    EXPECT_FALSE(find_text_problem(""));
    EXPECT_FALSE(find_text_problem("a\tb\r\nc\n"));
    EXPECT_FALSE(find_text_problem("\xC2\x85 \xC2\xA0 \xE2\x82\xAC \xEF\xBF\xBD \xF4\x8F\xBF\xBF"));
}

TEST(TextProblem, NamesThePlaceOfWhatItRefuses) {
    struct Case {
        std::string text;
        std::size_t offset;
        const char* message;
    };
    const Case cases[] = {
        {"\xEF\xBB\xBF"
         "a: b",
         0, "byte-order mark"},
        {"\xFF\xFE"
         "a",
         0, "UTF-16"},
        {"\xFE\xFF"
         "a",
         0, "UTF-16"},
        {std::string("ab\0c", 4), 2, "U+0000"},
        {"a\x1B[0m", 1, "U+001B"},
        {"a\x7F", 1, "U+007F"},
        {"a\xC2\x9B", 1, "U+009B"},
        {"a\xEF\xBF\xBE", 1, "U+FFFE"},
        {"a\rb", 1, "carriage return"},
        {"ab\r", 2, "carriage return"},
        {"a\xE9", 1, "0xe9"},
        {"a\x80", 1, "0x80"},
        {"\xC0\x80", 0, "0xc0"},              // overlong
        {"\xE0\x80\x80", 0, "0xe0"},          // overlong
        {"\xF0\x80\x80\x80", 0, "0xf0"},      // overlong
        {"\xED\xA0\x80", 0, "0xed"},          // surrogate
        {"\xF4\x90\x80\x80", 0, "0xf4"},      // above U+10FFFF
        {"\xF8\x88\x80\x80\x80", 0, "0xf8"},  // five bytes
        {"a\xE2\x82", 1, "0xe2"},             // cut off
    };
    for (const Case& c : cases) {
        const auto problem = find_text_problem(c.text);
        ASSERT_TRUE(problem) << c.message;
        EXPECT_EQ(problem->offset, c.offset) << c.message;
        EXPECT_NE(problem->message.find(c.message), std::string::npos) << problem->message;
    }
}

}  // namespace
}  // namespace hvlab
