// SPDX-License-Identifier: GPL-2.0-or-later
//
// A scenario file as a tree of typed nodes that know where they stood. Files are untrusted input:
// every limit is enforced while the text is being read, so time and memory are bounded whatever it
// holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"

namespace hvlab {

// A place in a file. Both count from 1; the column counts characters (code points), not bytes.
struct Mark {
    std::uint32_t line = 1;
    std::uint32_t column = 1;

    bool operator==(const Mark&) const = default;
};

// The text is no acceptable YAML document. what() reads `file:line:column: error: message`.
class ScenarioSyntaxError : public Error {
public:
    ScenarioSyntaxError(std::string file, Mark mark, std::string message);

    const std::string& file() const { return file_; }
    std::uint32_t line() const { return mark_.line; }
    std::uint32_t column() const { return mark_.column; }
    const std::string& message() const { return message_; }

private:
    std::string file_;
    Mark mark_;
    std::string message_;
};

// What a document may cost. Nodes and text count as often as aliases repeat them.
struct Limits {
    std::size_t bytes =
        768 * 1024;  // of the file: yaml-cpp takes up to 110 ns for each, in brackets
    std::size_t lines = 100'000;
    // Of the characters [ ] { } , : ? * & ! and quotes. Before its first event yaml-cpp keeps a
    // token for each that stands in one line or in one pair of brackets: 10^6 of them cost 250 MB.
    std::size_t indicators = 60'000;
    std::size_t nodes = 10'000;
    std::size_t depth = 64;
    std::size_t text_bytes = std::size_t{4} << 20;  // of all keys and scalars together
};

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

struct Node;
// Shared, because an alias is the same node once more: the document is a tree with common branches
// and never holds a cycle. Nothing changes a node once parse_document has returned it.
using NodePtr = std::shared_ptr<Node>;

struct Entry {
    std::string key;
    Mark key_mark;
    NodePtr node;
};

// A scalar's value by the core schema of YAML 1.2.2, s. 10.3.2. Integers above the signed range are
// held unsigned; beyond 64 bits they are refused.
using ScalarValue =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

struct Node {
    NodeKind kind = NodeKind::kNull;
    bool quoted = false;  // a string by its writing: quotes, a block (| or >), or the tag !!str
    Mark mark;            // of the first character; of the key for an empty value
    ScalarValue value;    // kScalar
    std::string text;     // kScalar: as written, escapes resolved
    std::vector<NodePtr> items;  // kSequence
    std::vector<Entry> entries;  // kMapping, in the order of the file, keys unique

    // What the node costs with all that is under it, aliases expanded.
    std::uint32_t node_count = 1;
    std::uint32_t height = 0;  // of nested sequences and mappings, itself included
    std::uint64_t text_count = 0;
};

struct Document {
    std::string file;
    NodePtr root;  // never null; kNull for a file with nothing but comments
};

// Reads one YAML document. `text` is UTF-8; `file_name` is used in messages only.
// Throws ScenarioSyntaxError.
Document parse_document(std::string_view text, const std::string& file_name,
                        const Limits& limits = {});

}  // namespace hvlab
