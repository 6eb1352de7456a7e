// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/document.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvlab {
namespace {

using testing::HasSubstr;

Document parse(std::string_view text, const Limits& limits = {}) {
    return parse_document(text, "t.hvlab.yaml", limits);
}

// "line:column: message" of the error that `text` must give.
std::string error_of(std::string_view text, const Limits& limits = {}) {
    try {
        parse(text, limits);
    } catch (const ScenarioSyntaxError& error) {
        EXPECT_EQ(error.file(), "t.hvlab.yaml");
        EXPECT_EQ(std::string(error.what()),
                  fmt::format("t.hvlab.yaml:{}:{}: error: {}", error.line(), error.column(),
                              error.message()));
        return fmt::format("{}:{}: {}", error.line(), error.column(), error.message());
    }
    ADD_FAILURE() << "accepted: " << text.substr(0, 200);
    return {};
}

const Node& at(const Node& node, std::string_view key) {
    for (const Entry& entry : node.entries) {
        if (entry.key == key) return *entry.node;
    }
    throw std::out_of_range(std::string(key));
}

Mark key_mark(const Node& node, std::string_view key) {
    for (const Entry& entry : node.entries) {
        if (entry.key == key) return entry.key_mark;
    }
    throw std::out_of_range(std::string(key));
}

TEST(Document, KeepsShapeTypesAndOrder) {
    const Document document = parse(
        "schema: 1\n"
        "name: linux-checksum\n"
        "tags: [linux, smoke]\n"
        "limits: {wall: 5min}\n"
        "steps:\n"
        "  - boot: {}\n"
        "  - send: \"head\\n\"\n"
        "  - text: '7'\n"
        "  - factor: 2.5\n"
        "  - flag: true\n");
    const Node& root = *document.root;
    EXPECT_EQ(document.file, "t.hvlab.yaml");
    ASSERT_EQ(root.kind, NodeKind::kMapping);
    std::string keys;
    for (const Entry& entry : root.entries) keys += entry.key + " ";
    EXPECT_EQ(keys, "schema name tags limits steps ");
    EXPECT_EQ(at(root, "schema").value, ScalarValue{std::int64_t{1}});
    EXPECT_EQ(at(root, "name").value, ScalarValue{std::string("linux-checksum")});
    EXPECT_FALSE(at(root, "name").quoted);
    ASSERT_EQ(at(root, "tags").kind, NodeKind::kSequence);
    EXPECT_EQ(at(root, "tags").items.at(1)->text, "smoke");
    EXPECT_EQ(at(at(root, "limits"), "wall").text, "5min");
    const Node& steps = at(root, "steps");
    ASSERT_EQ(steps.items.size(), 5U);
    EXPECT_EQ(at(*steps.items[0], "boot").kind, NodeKind::kMapping);
    EXPECT_TRUE(at(*steps.items[0], "boot").entries.empty());
    EXPECT_EQ(at(*steps.items[1], "send").value, ScalarValue{std::string("head\n")});
    EXPECT_TRUE(at(*steps.items[1], "send").quoted);
    EXPECT_EQ(at(*steps.items[2], "text").value, ScalarValue{std::string("7")});
    EXPECT_EQ(at(*steps.items[3], "factor").value, ScalarValue{2.5});
    EXPECT_EQ(at(*steps.items[4], "flag").value, ScalarValue{true});
}

TEST(Document, MarksCountFromOneInCharacters) {
    const Document document = parse(
        "\xC3\xA9t\xC3\xA9: {\xE2\x82\xAC: x}\n"
        "b:\n"
        "  - \"\xC3\xBC\"\n"
        "  - [\xC3\xBC, y]\n");
    const Node& root = *document.root;
    EXPECT_EQ(root.mark, (Mark{1, 1}));
    EXPECT_EQ(key_mark(root, "\xC3\xA9t\xC3\xA9"), (Mark{1, 1}));
    EXPECT_EQ(at(root, "\xC3\xA9t\xC3\xA9").mark, (Mark{1, 6}));
    EXPECT_EQ(key_mark(at(root, "\xC3\xA9t\xC3\xA9"), "\xE2\x82\xAC"), (Mark{1, 7}));
    EXPECT_EQ(at(at(root, "\xC3\xA9t\xC3\xA9"), "\xE2\x82\xAC").mark, (Mark{1, 10}));
    const Node& list = at(root, "b");
    EXPECT_EQ(list.mark, (Mark{3, 3}));
    EXPECT_EQ(list.items.at(0)->mark, (Mark{3, 5}));
    EXPECT_EQ(list.items.at(1)->items.at(1)->mark, (Mark{4, 9}));
}

TEST(Document, CountsLinesEndedByCarriageReturnAndLineFeed) {
    const Document document = parse("a: 1\r\nb:\r\n  c: x\r\n");
    EXPECT_EQ(at(at(*document.root, "b"), "c").mark, (Mark{3, 6}));
    EXPECT_EQ(at(at(*document.root, "b"), "c").text, "x");
}

TEST(Document, AnEmptyValueStandsWhereItsKeyDoes) {
    const Document document = parse("a:\nb: null\nc:   # none\n\nd: ~\ne:\n");
    const Node& root = *document.root;
    for (const Entry& entry : root.entries)
        EXPECT_EQ(entry.node->kind, NodeKind::kNull) << entry.key;
    EXPECT_EQ(at(root, "a").mark, (Mark{1, 1}));
    EXPECT_EQ(at(root, "b").mark, (Mark{2, 4}));
    EXPECT_EQ(at(root, "c").mark, (Mark{3, 1}));
    EXPECT_EQ(at(root, "d").mark, (Mark{5, 4}));
    EXPECT_EQ(at(root, "e").mark, (Mark{6, 1}));
}

TEST(Document, AnEmptyValueBeforeAKeyThatBeginsLikeNullStandsWhereItsKeyDoes) {
    const Document document = parse("a:\nnullable: 1\n");
    EXPECT_EQ(at(*document.root, "a").mark, (Mark{1, 1}));
}

TEST(Document, AnEmptyItemStandsWhereItsDashDoes) {
    const Document document = parse(
        "- \n"
        "- a\n"
        "-\n"
        "\n"
        "  # - comment\n"
        "# - comment\n"
        "- null\n"
        "-   - b\n"
        "    -\n"
        "    - c\n"
        "-\n");
    const auto& items = document.root->items;
    ASSERT_EQ(items.size(), 6U);
    EXPECT_EQ(items[0]->mark, (Mark{1, 1}));
    EXPECT_EQ(items[2]->mark, (Mark{3, 1}));
    EXPECT_EQ(items[3]->mark, (Mark{7, 3}));
    EXPECT_EQ(items[4]->items.at(1)->mark, (Mark{9, 5}));
    EXPECT_EQ(items[5]->mark, (Mark{11, 1}));
}

TEST(Document, AFileWithNothingInItIsNull) {
    for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"}) {
        const Document document = parse(text);
        ASSERT_TRUE(document.root);
        EXPECT_EQ(document.root->kind, NodeKind::kNull) << text;
    }
}

TEST(Document, BlockScalarsAndTaggedStringsAreQuoted) {
    const Document document = parse("a: |\n  12\nb: >-\n  x\n  y\nc: !!str 12\nd: ! 12\n");
    EXPECT_EQ(at(*document.root, "a").value, ScalarValue{std::string("12\n")});
    EXPECT_EQ(at(*document.root, "b").value, ScalarValue{std::string("x y")});
    EXPECT_EQ(at(*document.root, "c").value, ScalarValue{std::string("12")});
    EXPECT_EQ(at(*document.root, "d").value, ScalarValue{std::string("12")});
    for (const Entry& entry : document.root->entries) EXPECT_TRUE(entry.node->quoted) << entry.key;
}

TEST(Document, AnAliasIsItsNodeOnceMore) {
    const Document document = parse("a: &m {x: 1}\nb: *m\nc: [*m, *m]\n");
    const NodePtr& original = document.root->entries[0].node;
    EXPECT_EQ(document.root->entries[1].node, original);
    EXPECT_EQ(document.root->entries[2].node->items[1], original);
    EXPECT_EQ(original->mark, (Mark{1, 4}));
    EXPECT_EQ(document.root->node_count, 1U + 2 + 2 + 1 + 2 * 2);
}

TEST(Document, AnAnchorDefinedAgainCountsFromThereOn) {
    const Document document = parse("a: &m 1\nb: *m\nc: &m 2\nd: *m\n");
    EXPECT_EQ(at(*document.root, "b").value, ScalarValue{std::int64_t{1}});
    EXPECT_EQ(at(*document.root, "d").value, ScalarValue{std::int64_t{2}});
}

TEST(DocumentError, DuplicateKeysNameBothPlaces) {
    EXPECT_EQ(error_of("a: 1\nb:\n  c: 1\n  d: 2\n  'c': 3\n"),
              "5:3: key 'c' is there twice; the first is at 3:3");
    EXPECT_EQ(error_of("{x: 1, y: 2, x: 3, x: 4}"),
              "1:14: key 'x' is there twice; the first is at 1:2");
    // The first in the file is named, not the first in the order of the alphabet.
    EXPECT_EQ(error_of("b: 1\na: 1\nb: 2\na: 2\n"),
              "3:1: key 'b' is there twice; the first is at 1:1");
    const std::string longest(70, 'x');
    EXPECT_THAT(error_of(longest + ": 1\n" + longest + ": 2\n"),
                HasSubstr("2:1: key '" + longest.substr(0, 60) + "...' is there twice"));
}

TEST(DocumentError, KeysThatAreNoWords) {
    EXPECT_EQ(error_of("? [a]\n: b\n"),
              "1:3: a key must be a plain word or a string; is this bracket never closed?");
    EXPECT_EQ(error_of("? - a\n: b\n"), "1:3: a key must be a plain word or a string");
    EXPECT_EQ(error_of("~: b\n"), "1:1: a key is missing here, or is null");
    EXPECT_EQ(error_of("a: {: b}\n"), "1:5: a key is missing here, or is null");
    EXPECT_EQ(error_of("&k a: b\n"), "1:1: a key cannot have an anchor");
    EXPECT_EQ(error_of("x: &k a\n*k : b\n"), "2:1: an alias cannot be a key");
    EXPECT_EQ(error_of("a: &m {x: 1}\nb:\n  <<: *m\n"),
              "3:3: merge keys ('<<') are not part of YAML 1.2");
    EXPECT_EQ(at(*parse("'<<': 1\n").root, "<<").value, ScalarValue{std::int64_t{1}});
}

TEST(DocumentError, TagsAndNumbers) {
    EXPECT_EQ(error_of("a: !foo 5\n"),
              "1:4: tag '!foo' is not supported; text that begins with '!' needs quotes");
    EXPECT_EQ(error_of("a: !foo [5]\n"),
              "1:4: tag '!foo' is not supported; text that begins with '!' needs quotes");
    EXPECT_EQ(error_of("a: !!int 5\n"),
              "1:4: tag 'tag:yaml.org,2002:int' is not supported; text that begins with '!' needs "
              "quotes");
    EXPECT_EQ(error_of("a: 18446744073709551616\n"),
              "1:4: integer 18446744073709551616 does not fit into 64 bits");
    EXPECT_EQ(error_of("a: -1e999\n"), "1:4: number -1e999 does not fit into a double");
    EXPECT_EQ(at(*parse("a: !!map {x: 1}\nb: !!seq [1]\n").root, "b").items.size(), 1U);
}

TEST(DocumentError, MoreThanOneDocument) {
    EXPECT_EQ(error_of("a: b\n---\nc: d\n"), "2:1: a second document; a file holds one scenario");
    EXPECT_EQ(error_of("---\n---\n"), "2:1: a second document; a file holds one scenario");
    EXPECT_EQ(error_of("- a\nb: c\n"),
              "2:1: text after the end of the document; is the indentation right?");
}

TEST(DocumentError, WhatPeopleMistype) {
    EXPECT_EQ(error_of("a: b: c\n"),
              "1:5: ':' cannot stand here; text that holds ': ' needs quotes");
    EXPECT_EQ(error_of("{a: b: c}\n"),
              "1:6: ':' cannot stand here; text that holds ': ' needs quotes");
    EXPECT_EQ(error_of("{a: ${b}}\n"), "1:6: '${...}' inside of brackets needs quotes: \"${...}\"");
    EXPECT_EQ(error_of("a: \"b \"c\" d\"\n"),
              "1:8: text behind the end of a quoted one; inside of quotes, write \\\" for \" and "
              "'' for '");
    EXPECT_EQ(
        error_of("a: \"\\d+\"\n"),
        "1:5: '\\d' is no escape in double quotes; a regular expression stands in single quotes");
    EXPECT_THAT(error_of("a: \"\\\xC3\xA9\"\n"), HasSubstr("1:5: '\\\xC3\xA9' is no escape"));
    EXPECT_EQ(
        error_of("a: > 5\n"),
        "1:6: '>' and '|' begin a block of text; text that begins with one of them needs quotes");
    EXPECT_EQ(error_of("a: b\n c: d\n"),
              "2:2: is this line indented too much? As it is, the text of line 1 goes on here");
    EXPECT_EQ(error_of("-\tb: c: d\n"), "1:2: a tab in the indentation; use spaces");
    EXPECT_EQ(error_of("a:\n  - b\n c: d\n"), "3:2: the indentation fits no mapping above");
    EXPECT_EQ(error_of("a: @x\n"),
              "1:4: no value can start with this character; the text needs quotes");
    EXPECT_EQ(error_of("a: [b]]\n"), "1:7: this bracket closes nothing");
    EXPECT_EQ(
        error_of("a: *x\n"),
        "1:4: an alias to an anchor that is not defined; text that begins with '*' needs quotes");
    EXPECT_THAT(error_of("steps: [a, b\nname: x\n"),
                HasSubstr("the bracket opened at 1:8 is not closed"));
    EXPECT_THAT(error_of("x: {a: b\n"), HasSubstr("'}' is missing"));
    EXPECT_EQ(error_of("a:\n  b:\n  \tc: d\n"), "3:3: a tab in the indentation; use spaces");
    EXPECT_EQ(error_of("a:\n  b: c\n\td: e\n"), "3:1: a tab in the indentation; use spaces");
}

TEST(DocumentError, AColonThatIsMissingIsToldAtItsLine) {
    EXPECT_EQ(error_of("a 1\nb: c\n"),
              "1:1: is ':' missing in this line? As it is, this text goes on in line 2");
    EXPECT_EQ(error_of("a:\n- b\n- c d\n\n  e: f\n"),
              "3:3: is ':' missing in this line? As it is, this text goes on in line 5");
    EXPECT_EQ(error_of("a:1\nb: c\n"),
              "1:2: is a space missing after this ':'? As it is, this text goes on in line 2");
    EXPECT_EQ(error_of("a: b\n  c: d\n"),
              "2:3: is this line indented too much? As it is, the text of line 1 goes on here")
        << "the line before has its ':'";
    EXPECT_EQ(error_of("a\n- \nb: c\n"),
              "3:2: ':' cannot stand here; text that holds ': ' needs quotes")
        << "the line before has nothing that a ':' could follow";
    EXPECT_EQ(error_of("a {b: {c: d}}\n"), "1:3: is ':' missing before this bracket?");
    EXPECT_EQ(error_of("a: {b: c}}\n"), "1:10: this bracket closes nothing");
    EXPECT_EQ(error_of("]\n"), "1:1: this bracket closes nothing");
}

TEST(DocumentError, AQuoteThatIsNeverClosed) {
    EXPECT_EQ(error_of("a: 'x\nb: y\n"), "1:4: this quote is never closed");
    EXPECT_EQ(error_of("a: \"x\nb: y\\\"\n"), "1:4: this quote is never closed");
    EXPECT_EQ(error_of("a: &k 'it''s\n"), "1:7: this quote is never closed");
    EXPECT_THAT(error_of("a: 'x"), HasSubstr("a quote is never closed"));
    EXPECT_EQ(at(*parse("a: 'it''s'\n").root, "a").text, "it's");
    EXPECT_EQ(at(*parse("a: &k !!str \"x\\\\\"\n").root, "a").text, "x\\");
    EXPECT_EQ(at(*parse("a: it's\n").root, "a").text, "it's");
}

TEST(DocumentError, LimitsAreExact) {
    Limits limits;
    limits.nodes = 4;
    EXPECT_EQ(parse("[1, 2, 3]", limits).root->node_count, 4U);
    EXPECT_EQ(error_of("[1, 2, 3, 4]", limits),
              "1:11: more than 4 values, aliases counted each time");
    limits = {};
    limits.depth = 3;
    EXPECT_EQ(parse("[[[1]]]", limits).root->height, 3U);
    EXPECT_EQ(error_of("[[[[1]]]]", limits), "1:4: nested more than 3 deep");
    EXPECT_EQ(error_of("a: &x [[1]]\nb: [*x]\n", limits), "2:5: nested more than 3 deep");
    EXPECT_EQ(parse("a: &x [[1]]\nb: *x\n", limits).root->height, 3U);
    limits = {};
    limits.bytes = 4;
    EXPECT_EQ(parse("a: b", limits).root->node_count, 2U);
    EXPECT_EQ(error_of("a: b\n", limits), "1:1: the file is larger than 4 bytes");
    limits = {};
    limits.lines = 2;
    EXPECT_EQ(parse("a: b\n", limits).root->node_count, 2U);
    EXPECT_EQ(error_of("a: b\n\n\n", limits), "3:1: more than 2 lines");
    limits = {};
    limits.indicators = 2;
    EXPECT_EQ(parse("[1]", limits).root->node_count, 2U);
    EXPECT_EQ(error_of("[1,2]", limits), "1:5: more than 2 brackets, quotes, commas and colons");
    limits = {};
    limits.text_bytes = 5;
    EXPECT_EQ(parse("a: &x b\nc: *x\n", limits).root->text_count, 4U);
    EXPECT_EQ(error_of("a: &x bb\nc: *x\n", limits),
              "2:4: more than 5 bytes of text, aliases counted each time")
        << "4 bytes written and 2 by the alias";
}

}  // namespace
}  // namespace hvlab
