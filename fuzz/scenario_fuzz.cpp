// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a scenario file: a tree or ScenarioSyntaxError, never anything else; and the tree
// must be what it says it is.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "core/base/status.h"
#include "core/scenario/document.h"

namespace hvlab {
namespace {

struct Totals {
    std::size_t nodes = 0;
    std::size_t text = 0;
};

// Walks the tree with aliases expanded; the limits bound that walk.
void check(const Node& node, std::size_t depth, const Limits& limits, Totals& totals) {
    ++totals.nodes;
    totals.text += node.text.size();
    const bool container = node.kind == NodeKind::kSequence || node.kind == NodeKind::kMapping;
    HVLAB_ASSERT(depth + (container ? 1 : 0) <= limits.depth);
    HVLAB_ASSERT(node.mark.line >= 1 && node.mark.column >= 1);
    HVLAB_ASSERT(node.kind == NodeKind::kSequence || node.items.empty());
    HVLAB_ASSERT(node.kind == NodeKind::kMapping || node.entries.empty());
    for (const NodePtr& item : node.items) check(*item, depth + 1, limits, totals);
    std::unordered_set<std::string_view> keys;
    for (const Entry& entry : node.entries) {
        HVLAB_ASSERT(keys.insert(entry.key).second);
        totals.text += entry.key.size();
        check(*entry.node, depth + 1, limits, totals);
    }
}

}  // namespace
}  // namespace hvlab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    hvlab::Limits limits;
    limits.nodes = 2'000;  // small ones, so that short inputs reach them
    limits.text_bytes = 20'000;
    limits.depth = 12;
    try {
        const hvlab::Document document = hvlab::parse_document(text, "fuzz", limits);
        hvlab::Totals totals;
        hvlab::check(*document.root, 0, limits, totals);
        HVLAB_ASSERT(totals.nodes == document.root->node_count);
        HVLAB_ASSERT(totals.text == document.root->text_count);
        HVLAB_ASSERT(totals.nodes <= limits.nodes);
        HVLAB_ASSERT(totals.text <= limits.text_bytes);
    } catch (const hvlab::ScenarioSyntaxError& error) {
        HVLAB_ASSERT(error.line() >= 1 && error.column() >= 1 && !error.message().empty());
    }
    return 0;
}
