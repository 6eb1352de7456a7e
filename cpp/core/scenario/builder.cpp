// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/scenario/scalar.h"

namespace hvlab {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Longer keys are shown cut off: a message is for reading.
std::string shown(const std::string& text) {
    constexpr std::size_t kLongest = 60;
    if (text.size() <= kLongest) return text;
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

// The opening quote of the scalar at `start`, if it is a quoted one without its end.
std::optional<std::size_t> find_unclosed_quote(std::string_view text, std::size_t start) {
    // An anchor and a tag, in either order, may come first.
    std::size_t open = start;
    while (open < text.size() && (text[open] == '&' || text[open] == '!')) {
        open = text.find_first_of(" \t\r\n", open);
        open = text.find_first_not_of(" \t\r\n", open);
    }
    if (open >= text.size() || (text[open] != '"' && text[open] != '\'')) return std::nullopt;
    const char quote = text[open];
    for (std::size_t at = open + 1; at < text.size(); ++at) {
        if (text[at] == '\\' && quote == '"') {
            ++at;
        } else if (text[at] == quote) {
            const bool doubled = quote == '\'' && text.substr(at + 1, 1) == "'";
            if (!doubled) return std::nullopt;
            ++at;
        }
    }
    return open;
}

}  // namespace

TreeBuilder::TreeBuilder(const SourceText& source, const std::string& file, const Limits& limits)
    : source_(source), file_(file), limits_(limits) {}

void TreeBuilder::fail(Mark mark, const std::string& message) const {
    throw ScenarioSyntaxError(file_, mark, message);
}

std::size_t TreeBuilder::to_offset(const YAML::Mark& mark) const {
    if (mark.is_null()) return 0;
    return source_.offset(static_cast<std::size_t>(mark.line),
                          static_cast<std::size_t>(mark.column));
}

Mark TreeBuilder::to_mark(const YAML::Mark& mark) const {
    return source_.mark_at(to_offset(mark));
}

bool TreeBuilder::expects_key() const {
    return !open_.empty() && open_.back().node->kind == NodeKind::kMapping && !open_.back().has_key;
}

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
    if (++documents_ == 1) return;
    if (source_.text().substr(to_offset(mark)).starts_with("---")) {
        fail(to_mark(mark), "a second document; a file holds one scenario");
    }
    fail(to_mark(mark), "text after the end of the document; is the indentation right?");
}

// yaml-cpp takes the end of the file for a missing quote if a line break comes before it.
void TreeBuilder::OnDocumentEnd() {
    if (const auto quote = find_unclosed_quote(source_.text(), last_scalar_)) {
        fail(source_.mark_at(*quote), "this quote is never closed");
    }
}

void TreeBuilder::count(std::size_t nodes, std::size_t text_bytes, Mark mark) {
    nodes_ += nodes;
    text_bytes_ += text_bytes;
    if (nodes_ > limits_.nodes) {
        fail(mark, fmt::format("more than {} values, aliases counted each time", limits_.nodes));
    }
    if (text_bytes_ > limits_.text_bytes) {
        fail(mark, fmt::format("more than {} bytes of text, aliases counted each time",
                               limits_.text_bytes));
    }
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (expects_key()) fail(to_mark(mark), "a key is missing here, or is null");
    auto node = std::make_shared<Node>();
    node->mark = mark_of_empty_value(mark);
    count(1, 0, node->mark);
    add(std::move(node), anchor);
}

// yaml-cpp gives an empty value the place of whatever comes next. The value of a key then stands
// where the key does, and an item of a block sequence where its dash does.
Mark TreeBuilder::mark_of_empty_value(const YAML::Mark& mark) const {
    if (open_.empty()) return to_mark(mark);
    const OpenNode& parent = open_.back();
    const std::string_view rest = source_.text().substr(to_offset(mark));
    const bool written = rest.starts_with('~') || rest.starts_with("null") ||
                         rest.starts_with("Null") || rest.starts_with("NULL");
    if (parent.node->kind == NodeKind::kMapping) {
        const Mark here = to_mark(mark);
        // The next key could be called `null`; a value that is written out stands on its key's
        // line.
        return written && here.line == parent.key_mark.line ? here : parent.key_mark;
    }
    if (written || !parent.block) return to_mark(mark);
    return source_.mark(find_dash_line(mark, parent.column), parent.column);
}

// The line, from 0, of the last dash in `column` before the place `mark`; between the two there are
// only blank lines and comments.
std::size_t TreeBuilder::find_dash_line(const YAML::Mark& mark, std::size_t column) const {
    auto line = std::min(static_cast<std::size_t>(mark.line), source_.line_count() - 1);
    const std::size_t first = open_.back().node->mark.line - 1;
    if (static_cast<std::size_t>(mark.line) == line &&
        static_cast<std::size_t>(mark.column) <= column && line > first) {
        --line;
    }
    for (; line > first; --line) {
        const std::string_view text = source_.line(line);
        if (text.size() > column && text[column] == '-' &&
            text.substr(0, column).find_first_not_of(" -") == std::string_view::npos) {
            break;
        }
    }
    return line;
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Mark here = to_mark(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(here, "an alias inside of what it stands for");
    if (expects_key()) fail(here, "an alias cannot be a key");
    const NodePtr& node = found->second;
    count(node->node_count, node->text_count, here);
    if (open_.size() + node->height > limits_.depth) {
        fail(here, fmt::format("nested more than {} deep", limits_.depth));
    }
    attach(node);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
    const Mark here = to_mark(mark);
    last_scalar_ = to_offset(mark);
    count(1, value.size(), here);
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!quoted && tag != "?" && !tag.empty()) {
        fail(here, fmt::format("tag '{}' is not supported; text that begins with '!' needs quotes",
                               shown(tag)));
    }
    if (expects_key()) {
        if (anchor != 0) fail(here, "a key cannot have an anchor");
        take_key(here, value, quoted);
        return;
    }
    auto node = std::make_shared<Node>();
    node->kind = NodeKind::kScalar;
    node->quoted = quoted;
    node->mark = here;
    node->text = value;
    node->text_count = value.size();
    if (quoted) {
        node->value = value;
    } else {
        ResolvedScalar resolved = resolve_plain_scalar(value);
        if (resolved.problem == ScalarProblem::kIntegerRange) {
            fail(here, fmt::format("integer {} does not fit into 64 bits", shown(value)));
        }
        if (resolved.problem == ScalarProblem::kFloatRange) {
            fail(here, fmt::format("number {} does not fit into a double", shown(value)));
        }
        node->value = std::move(resolved.value);
    }
    add(std::move(node), anchor);
}

void TreeBuilder::take_key(Mark mark, const std::string& text, bool quoted) {
    OpenNode& mapping = open_.back();
    if (text == "<<" && !quoted) fail(mark, "merge keys ('<<') are not part of YAML 1.2");
    mapping.has_key = true;
    mapping.key = text;
    mapping.key_mark = mark;
    mapping.node->text_count += text.size();
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    open(NodeKind::kSequence, mark, tag, anchor, style);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value style) {
    open(NodeKind::kMapping, mark, tag, anchor, style);
}

void TreeBuilder::open(NodeKind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    const Mark here = to_mark(mark);
    if (expects_key()) {
        fail(here, style == YAML::EmitterStyle::Flow
                       ? "a key must be a plain word or a string; is this bracket never closed?"
                       : "a key must be a plain word or a string");
    }
    const std::string_view core_tag = kind == NodeKind::kSequence ? "seq" : "map";
    if (!tag.empty() && tag != "?" && tag != "!" &&
        tag != std::string(kTagPrefix).append(core_tag)) {
        fail(here, fmt::format("tag '{}' is not supported; text that begins with '!' needs quotes",
                               shown(tag)));
    }
    if (open_.size() >= limits_.depth) {
        fail(here, fmt::format("nested more than {} deep", limits_.depth));
    }
    count(1, 0, here);
    OpenNode opened;
    opened.node = std::make_shared<Node>();
    opened.node->kind = kind;
    opened.node->mark = here;
    opened.node->height = 1;
    opened.anchor = anchor;
    opened.block = style == YAML::EmitterStyle::Block;
    opened.column = static_cast<std::size_t>(std::max(mark.column, 0));
    open_.push_back(std::move(opened));
}

void TreeBuilder::close() {
    OpenNode closed = std::move(open_.back());
    open_.pop_back();
    if (closed.node->kind == NodeKind::kMapping) check_unique_keys(closed.node->entries);
    add(std::move(closed.node), closed.anchor);
}

// By sorting, not by a set that grows with each key: a third less time for the largest documents.
void TreeBuilder::check_unique_keys(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> sorted;
    sorted.reserve(entries.size());
    for (const Entry& entry : entries) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
        const int order = a->key.compare(b->key);
        return order != 0 ? order < 0 : a < b;  // entries lie in the order of the file
    });
    const Entry* second = nullptr;
    const Entry* first = nullptr;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i]->key == sorted[i - 1]->key && (second == nullptr || sorted[i] < second)) {
            first = sorted[i - 1];
            second = sorted[i];
        }
    }
    if (second != nullptr) {
        fail(second->key_mark,
             fmt::format("key '{}' is there twice; the first is at {}:{}", shown(second->key),
                         first->key_mark.line, first->key_mark.column));
    }
}

void TreeBuilder::add(NodePtr node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    attach(std::move(node));
}

void TreeBuilder::attach(NodePtr node) {
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    OpenNode& parent = open_.back();
    parent.node->node_count += node->node_count;
    parent.node->text_count += node->text_count;
    parent.node->height = std::max(parent.node->height, node->height + 1);
    if (parent.node->kind == NodeKind::kSequence) {
        parent.node->items.push_back(std::move(node));
    } else {
        parent.node->entries.push_back({std::move(parent.key), parent.key_mark, std::move(node)});
        parent.has_key = false;
    }
}

}  // namespace hvlab
