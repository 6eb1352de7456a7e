// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace re2 {
class RE2;
}

namespace hvlab {

// A regular expression that cannot be used, with what is wrong about it.
class PatternError : public Error {
public:
    using Error::Error;
};

// What a console or a screen may be searched for: a literal text, or a regular expression (RE2's
// syntax: linear time, no look-around, no back-references). Compiled once, immutable, shared
// freely.
class ConsolePattern {
public:
    // Longest part of a line that a regular expression is matched against, in bytes.
    static constexpr std::size_t kWindow = 4096;
    static constexpr std::size_t kMaxLength = 4096;

    // Both throw PatternError: empty, longer than kMaxLength, or not a valid expression.
    static ConsolePattern text(std::string literal);
    static ConsolePattern regex(std::string expression);

    const std::string& source() const { return source_; }
    bool is_regex() const { return regex_ != nullptr; }
    // One-line description for messages: text "..." or regex '...'.
    std::string describe() const;

    struct Span {
        std::size_t start = 0;
        std::size_t end = 0;
    };
    struct Result {
        std::vector<std::optional<Span>> groups;  // [0] is the whole match
    };

    // Never part of UTF-8 text, so that no expression matches it.
    static constexpr char kEndOfOutput = '\xFF';

    // Looks for a match that the last byte of `output` completes. `output` is the console's text so
    // far, followed in memory by kEndOfOutput; `line_start` is the offset of its last line, `from`
    // the offset before which nothing may match. `final` says that no byte will follow: then a
    // match that a further byte could have extended counts.
    std::optional<Result> completed(std::string_view output, std::size_t line_start,
                                    std::size_t from, bool final) const;

    // Where the first match could begin in output that is there already, looked through in one go:
    // nothing if there is none. Nothing that begins before it can ever be completed.
    std::optional<std::size_t> first_candidate(std::string_view output, std::size_t from) const;

    // The first match in one row of a screen, which is complete as it is.
    std::optional<Result> find(std::string_view row) const;

    // (number, name) of the named groups, by number.
    std::vector<std::pair<int, std::string>> group_names() const;

private:
    ConsolePattern() = default;

    std::optional<Result> match(std::string_view text, std::size_t from) const;
    std::optional<Result> completed_text(std::string_view output, std::size_t from) const;
    std::optional<Result> completed_regex(std::string_view output, std::size_t line_start,
                                          std::size_t from, bool final) const;

    std::string source_;
    std::shared_ptr<const re2::RE2> regex_;
    bool open_ended_ = false;  // the next byte could make a match longer
};

}  // namespace hvlab
