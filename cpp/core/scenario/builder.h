// SPDX-License-Identifier: GPL-2.0-or-later
//
// yaml-cpp's parse events -> our tree. Every event is checked against the limits before anything is
// kept, and a breach is thrown through the parser, which holds nothing that an exception would
// leak.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/scenario/document.h"
#include "core/scenario/source_text.h"

namespace hvlab {

class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(const SourceText& source, const std::string& file, const Limits& limits);

    // The innermost sequence or mapping that is not closed yet; null if there is none.
    const Node* innermost() const { return open_.empty() ? nullptr : open_.back().node.get(); }

    // The tree; null if the text held no document.
    NodePtr take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override;
    void OnDocumentEnd() override;
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override;
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override;
    void OnMapEnd() override { close(); }

private:
    // A sequence or mapping whose end has not come yet.
    struct OpenNode {
        NodePtr node;
        YAML::anchor_t anchor = 0;
        bool block = false;      // written with indentation, not with brackets
        std::size_t column = 0;  // in bytes, from 0: of the dashes of a block sequence
        // The key that waits for its value.
        bool has_key = false;
        std::string key;
        Mark key_mark;
    };

    [[noreturn]] void fail(Mark mark, const std::string& message) const;
    std::size_t to_offset(const YAML::Mark& mark) const;
    Mark to_mark(const YAML::Mark& mark) const;
    bool expects_key() const;
    Mark mark_of_empty_value(const YAML::Mark& mark) const;
    std::size_t find_dash_line(const YAML::Mark& mark, std::size_t column) const;

    void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YAML::EmitterStyle::value style);
    void close();
    void check_unique_keys(const std::vector<Entry>& entries) const;
    void take_key(Mark mark, const std::string& text, bool quoted);
    void add(NodePtr node, YAML::anchor_t anchor);
    void attach(NodePtr node);
    void count(std::size_t nodes, std::size_t text_bytes, Mark mark);

    const SourceText& source_;
    const std::string& file_;
    const Limits& limits_;
    std::vector<OpenNode> open_;
    std::unordered_map<YAML::anchor_t, NodePtr> anchors_;  // of nodes that are complete
    NodePtr root_;
    std::size_t last_scalar_ = 0;  // where the last scalar begins, its anchor and tag included
    std::size_t documents_ = 0;
    std::size_t nodes_ = 0;
    std::size_t text_bytes_ = 0;
};

}  // namespace hvlab
