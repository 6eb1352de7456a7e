// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/hostile_files.h"

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace hvlab {

namespace {

constexpr std::size_t kFull = 768 * 1024;  // as large as a file may be

std::string repeat(std::string_view unit, std::size_t count) {
    std::string text;
    text.reserve(unit.size() * count);
    for (std::size_t i = 0; i < count; ++i) text += unit;
    return text;
}

std::string fill(std::string_view unit) {
    return repeat(unit, kFull / unit.size());
}

std::string numbered(std::size_t count, const std::function<std::string(std::size_t)>& line) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += line(i);
    return text.substr(0, kFull);
}

std::string alias_bomb() {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        text += fmt::format("a{0}: &a{0} [{1}*a{2}]\n", i, repeat(fmt::format("*a{}, ", i - 1), 8),
                            i - 1);
    }
    return text;
}

}  // namespace

std::vector<HostileFile> hostile_files() {
    const std::string anchored = "a: &a " + std::string(500'000, 'x') + "\nb: [";
    return {
        {"alias_bomb", alias_bomb(), "aliases counted each time"},
        {"text_bomb", anchored + repeat("*a,", 20'000) + "]", "bytes of text"},
        {"self_reference", "&x [*x]", "an alias inside of what it stands for"},
        {"self_reference_block", "&x\n- *x", "an alias inside of what it stands for"},
        {"self_reference_deep", "a: &x {b: [1, {c: *x}]}", "an alias inside of what it stands for"},
        {"million_items", "[" + repeat("1,", kFull / 2 - 2) + "]", "more than"},
        {"million_blocks", fill("- a\n"), "more than"},
        {"million_keys", numbered(100'000, [](auto i) { return fmt::format("k{}: v\n", i); }),
         "more than"},
        {"million_flow_keys",
         "{" + numbered(100'000, [](auto i) { return fmt::format("k{},", i); }), "more than"},
        {"million_empty_lists", "[" + repeat("[],", kFull / 3 - 1) + "]", "more than"},
        {"many_anchors", numbered(90'000, [](auto i) { return fmt::format("- &a{} x\n", i); }),
         "more than"},
        {"deep_lists", repeat("[", 1000) + repeat("]", 1000), "deep"},
        {"deep_lists_under_a_key", "a: " + repeat("[", 500'000), "more than"},
        {"deep_maps", "x: " + repeat("{a: ", 1000), "deep"},
        {"deep_blocks", numbered(1400, [](auto i) { return std::string(i, ' ') + "a:\n"; }),
         "deep"},
        {"deep_dashes", repeat("- ", kFull / 2), "deep"},
        {"open_brackets", std::string(kFull, '['), "more than"},
        {"open_brackets_in_lines", repeat("[\n", kFull / 2), "more than"},
        {"close_brackets", std::string(kFull, ']'), "more than"},
        {"question_marks", fill("? "), "more than"},
        {"colons", fill(": "), "more than"},
        {"bangs", std::string(kFull, '!'), "more than"},
        {"tags", fill("!a "), "more than"},
        {"quotes", std::string(kFull, '"'), "more than"},
        {"quote_pairs", fill("\"\" "), "more than"},
        {"tags_within_budget", repeat("!a ", 50'000), "multiple tags"},
        {"aliases_within_budget", repeat("*a ", 50'000), "not defined"},
        {"quotes_within_budget", repeat("\"\" ", 29'000), "text after the end"},
        {"brackets_within_budget", "[" + repeat("a,", 59'000) + "]", "more than 10000 values"},
        {"unclosed_list", "[" + repeat("a b c ", 130'000), "bracket"},
        {"unclosed_quote", "a: \"" + std::string(kFull - 10, 'x'), "quote"},
        {"directives", repeat("%TAG !a! b\n", 20'000), "repeated TAG"},
        {"documents", fill("---\n"), "more than 100000 lines"},
        {"nul", std::string("a: b\0c", 6), "U+0000"},
        {"nul_in_megabytes", std::string(kFull, '\0'), "U+0000"},
        {"not_utf8", "a: \xE9\n", "is no UTF-8"},
        {"byte_order_mark",
         "\xEF\xBB\xBF"
         "a: b\n",
         "byte-order mark"},
        {"too_large", std::string(kFull + 1, ' '), "larger than"},
        {"far_too_large", std::string(kFull * 20, 'a'), "larger than"},
        {"empty_lines", std::string(kFull, '\n'), "more than 100000 lines"},
        {"plain_lines", fill("a\n"), "more than 100000 lines"},
        {"duplicates", fill("a: 1\n"), "more than"},
        {"duplicates_within_budget", repeat("a: 1\n", 4'900), "is there twice"},
        {"spaces", std::string(kFull, ' '), nullptr},
        {"comment", "#" + std::string(kFull - 1, 'c'), nullptr},
        {"scalar", "a: " + std::string(kFull - 3, 'x'), nullptr},
        {"minuses", std::string(kFull, '-'), nullptr},
        {"scalar_in_brackets", "{a: " + std::string(kFull - 5, 'x') + "}", nullptr},
        {"words", "a: " + repeat("x ", kFull / 2 - 2), nullptr},
        {"literal", "a: |\n" + repeat("  xxxxxxxxxxx\n", 50'000), nullptr},
        {"folded", "a: >\n" + repeat("  xxxxx\n   yyyy\n", 30'000), nullptr},
        {"blank_lines_in_quotes", "a: \"" + repeat("\n          ", 70'000) + "\"", nullptr},
        {"escapes", "a: \"" + repeat("\\n", kFull / 2 - 10) + "\"", nullptr},
        {"accents", "a: " + repeat("\xC3\xA9", kFull / 2 - 2), nullptr},
        {"accents_in_a_long_line", "[" + repeat("\xC3\xA9,", 9'900) + "]", nullptr},
        {"largest_map", numbered(4'900, [](auto i) { return fmt::format("k{}: v{}\n", i, i); }),
         nullptr},
    };
}

}  // namespace hvlab
