// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/console_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "core/machine/pattern_tail.h"

namespace hvlab {

namespace {

std::string quoted(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
        } else if (c == '\t') {
            result += "\\t";
        } else if (c == '"') {
            result += "\\\"";
        } else {
            result += c;
        }
    }
    return result;
}

void check_length(const std::string& source) {
    if (source.empty()) throw PatternError("the pattern is empty: it would match at once");
    if (source.size() > ConsolePattern::kMaxLength) {
        throw PatternError(fmt::format("the pattern has {} bytes; {} are allowed", source.size(),
                                       ConsolePattern::kMaxLength));
    }
}

}  // namespace

ConsolePattern ConsolePattern::text(std::string literal) {
    check_length(literal);
    // The console's text has no carriage returns before line feeds, whoever printed them.
    std::erase(literal, '\r');
    if (literal.empty()) throw PatternError("the text is nothing but carriage returns");
    ConsolePattern pattern;
    pattern.source_ = std::move(literal);
    return pattern;
}

ConsolePattern ConsolePattern::regex(std::string expression) {
    check_length(expression);
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    auto regex = std::make_shared<re2::RE2>("(?m)" + expression, options);
    if (!regex->ok()) {
        // Told about what was asked for, without the flag put before it.
        const re2::RE2 as_given(expression, options);
        throw PatternError(as_given.ok() ? regex->error() : as_given.error());
    }
    if (re2::RE2::PartialMatch("", *regex)) {
        throw PatternError("the expression matches the empty text: it would match at once");
    }
    ConsolePattern pattern;
    pattern.open_ended_ = is_open_ended(expression);
    pattern.source_ = std::move(expression);
    pattern.regex_ = std::move(regex);
    return pattern;
}

std::string ConsolePattern::describe() const {
    return is_regex() ? fmt::format("regex '{}'", source_)
                      : fmt::format("text \"{}\"", quoted(source_));
}

std::optional<ConsolePattern::Result> ConsolePattern::completed(std::string_view output,
                                                                std::size_t line_start,
                                                                std::size_t from,
                                                                bool final) const {
    return is_regex() ? completed_regex(output, line_start, from, final)
                      : completed_text(output, from);
}

std::optional<ConsolePattern::Result> ConsolePattern::completed_text(std::string_view output,
                                                                     std::size_t from) const {
    if (output.size() < from + source_.size() || !output.ends_with(source_)) return std::nullopt;
    return Result{{Span{output.size() - source_.size(), output.size()}}};
}

std::optional<ConsolePattern::Result> ConsolePattern::completed_regex(std::string_view output,
                                                                      std::size_t line_start,
                                                                      std::size_t from,
                                                                      bool final) const {
    // The window begins with one byte of context where the line is longer than it, so that `^` does
    // not take the window's edge for the start of a line.
    std::size_t base = line_start;
    std::size_t start = std::max(from, line_start);
    if (output.size() - line_start > kWindow) {
        base = output.size() - kWindow - 1;
        start = std::max(from, base + 1);
    }
    if (start > output.size()) return std::nullopt;

    // The sentinel behind the text is part of the window: `$` then means the end of a line, and
    // never that nothing more was printed so far.
    HVLAB_ASSERT(output.data()[output.size()] == kEndOfOutput);
    const std::string_view window(output.data() + base, output.size() - base + 1);
    std::optional<Result> result = match(window, start - base);
    if (!result) return std::nullopt;
    for (std::optional<Span>& group : result->groups) {
        if (group) *group = {.start = group->start + base, .end = group->end + base};
    }
    if (open_ended_ && !final && result->groups[0]->end >= output.size()) return std::nullopt;
    return result;
}

std::optional<ConsolePattern::Result> ConsolePattern::find(std::string_view row) const {
    if (is_regex()) return match(row, 0);
    const std::size_t found = row.find(source_);
    if (found == std::string_view::npos) return std::nullopt;
    return Result{{Span{found, found + source_.size()}}};
}

// Of the expression, the first from `from` on.
std::optional<ConsolePattern::Result> ConsolePattern::match(std::string_view text,
                                                            std::size_t from) const {
    const re2::StringPiece piece(text.data(), text.size());
    // Without groups first: it costs a fraction, and most of the time there is nothing.
    if (!regex_->Match(piece, from, piece.size(), re2::RE2::UNANCHORED, nullptr, 0)) {
        return std::nullopt;
    }
    std::vector<re2::StringPiece> groups(
        static_cast<std::size_t>(regex_->NumberOfCapturingGroups()) + 1);
    if (!regex_->Match(piece, from, piece.size(), re2::RE2::UNANCHORED, groups.data(),
                       static_cast<int>(groups.size()))) {
        return std::nullopt;
    }
    Result result;
    for (const re2::StringPiece& group : groups) {
        if (group.data() == nullptr) {
            result.groups.emplace_back(std::nullopt);
        } else {
            const auto start = static_cast<std::size_t>(group.data() - piece.data());
            result.groups.emplace_back(Span{start, start + group.size()});
        }
    }
    return result;
}

std::optional<std::size_t> ConsolePattern::first_candidate(std::string_view output,
                                                           std::size_t from) const {
    if (!is_regex()) {
        const std::size_t found = output.find(source_, from);
        return found == std::string_view::npos ? std::nullopt : std::optional(found);
    }
    HVLAB_ASSERT(output.data()[output.size()] == kEndOfOutput);
    const re2::StringPiece whole(output.data(), output.size() + 1);
    re2::StringPiece match;
    if (!regex_->Match(whole, from, whole.size(), re2::RE2::UNANCHORED, &match, 1))
        return std::nullopt;
    return static_cast<std::size_t>(match.data() - whole.data());
}

std::vector<std::pair<int, std::string>> ConsolePattern::group_names() const {
    std::vector<std::pair<int, std::string>> names;
    if (!is_regex()) return names;
    for (const auto& [number, name] : regex_->CapturingGroupNames())
        names.emplace_back(number, name);
    return names;
}

}  // namespace hvlab
