// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/document.h"

namespace hvlab {

// A file's text with its lines known, to turn byte positions into marks.
class SourceText {
public:
    // `text` must outlive this.
    explicit SourceText(std::string_view text);

    std::string_view text() const { return text_; }
    std::size_t line_count() const { return line_starts_.size(); }

    // The line counted from 0, without its line break; empty beyond the last one.
    std::string_view line(std::size_t index) const;

    // A place given as yaml-cpp does: line from 0, column in bytes from 0.
    Mark mark(std::size_t line, std::size_t byte_column) const;
    Mark mark_at(std::size_t offset) const;

    // The byte position of such a place, at most the length of the text.
    std::size_t offset(std::size_t line, std::size_t byte_column) const;

private:
    // Characters before `offset`, counted from the start of the text.
    std::size_t characters_before(std::size_t offset) const;

    std::string_view text_;
    // characters_before() of each kStride-th byte: marks stay cheap on a line that is as long as
    // the file.
    std::vector<std::uint32_t> checkpoints_;
    std::vector<std::size_t> line_starts_;
};

struct TextProblem {
    std::size_t offset;
    std::string message;
};

// The first thing in `text` that YAML 1.2.2, s. 5.1 does not let stand in a file: bytes that are no
// UTF-8, a byte-order mark, NUL and other control characters, a carriage return without line feed.
std::optional<TextProblem> find_text_problem(std::string_view text);

}  // namespace hvlab
