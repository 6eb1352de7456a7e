// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/document.h"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <istream>
#include <optional>
#include <streambuf>
#include <utility>

#include "core/scenario/builder.h"
#include "core/scenario/source_text.h"

namespace hvlab {
namespace {

// Reads a text where it lies; std::istringstream would copy it.
class TextBuffer : public std::streambuf {
public:
    explicit TextBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());  // only ever read from
        setg(begin, begin, begin + text.size());
    }
};

void run_parser(std::string_view text, TreeBuilder& builder) {
    TextBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    // The second call meets a second document, if there is one, and the builder refuses it.
    while (parser.HandleNextDocument(builder)) {
    }
}

// What can be told from the text alone, before the parser sees it.
void check_text(const SourceText& source, const std::string& file, const Limits& limits) {
    const std::string_view text = source.text();
    if (text.size() > limits.bytes) {
        throw ScenarioSyntaxError(file, {},
                                  fmt::format("the file is larger than {} bytes", limits.bytes));
    }
    if (const auto problem = find_text_problem(text)) {
        throw ScenarioSyntaxError(file, source.mark_at(problem->offset), problem->message);
    }
    if (source.line_count() > limits.lines) {
        throw ScenarioSyntaxError(file, source.mark(limits.lines, 0),
                                  fmt::format("more than {} lines", limits.lines));
    }
    constexpr std::string_view kIndicators = "[]{},:?*&!\"'";
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (kIndicators.find(text[at]) != std::string_view::npos && ++count > limits.indicators) {
            throw ScenarioSyntaxError(
                file, source.mark_at(at),
                fmt::format("more than {} brackets, quotes, commas and colons", limits.indicators));
        }
    }
}

struct Wording {
    std::string_view parser;  // as yaml-cpp 0.7 and 0.8 say it
    std::string_view ours;
};

constexpr Wording kWordings[] = {
    {"illegal map value", "':' cannot stand here; text that holds ': ' needs quotes"},
    {"illegal block entry", "'-' cannot start a list item here"},
    {"illegal map key", "a key cannot start here"},
    {"illegal flow end", "this bracket closes nothing"},
    {"unknown token", "no value can start with this character; the text needs quotes"},
    {"end of map not found", "the indentation fits no mapping above"},
    {"end of sequence not found", "the indentation fits no list above"},
    {"illegal EOF in scalar", "a quote is never closed"},
    {"the referenced anchor is not defined",
     "an alias to an anchor that is not defined; text that begins with '*' needs quotes"},
    {"unexpected character in block scalar",
     "'>' and '|' begin a block of text; text that begins with one of them needs quotes"},
};

struct Complaint {
    Mark mark;
    std::string message;
};

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// The column of the first character that belongs to a name or value: behind indentation and "- ".
// npos if there is none.
std::size_t content_column(std::string_view line) {
    std::size_t at = line.find_first_not_of(' ');
    while (at != std::string_view::npos && line.substr(at).starts_with("- ")) {
        at = line.find_first_not_of(' ', at + 1);
    }
    return at;
}

// A ':' where none can stand is often the next line's: this one's text, without a ':' of its own,
// goes on there.
std::optional<Complaint> missing_colon(const SourceText& source, std::size_t line,
                                       std::size_t column) {
    if (source.line(line).substr(0, column).find(':') != std::string_view::npos) return {};
    std::size_t before = line;
    while (before > 0 && is_blank(source.line(before - 1))) --before;
    if (before == 0) return {};
    --before;
    const std::string_view text = source.line(before);
    if (text.find(": ") != std::string_view::npos) {
        if (content_column(source.line(line)) <= content_column(text)) return {};
        return Complaint{
            source.mark(line, content_column(source.line(line))),
            fmt::format("is this line indented too much? As it is, the text of line {} "
                        "goes on here",
                        before + 1)};
    }
    if (text.ends_with(':')) return {};
    const std::size_t colon = text.find(':');
    const bool run_together = colon != std::string_view::npos;
    const std::size_t place = run_together ? colon : content_column(text);
    if (place == std::string_view::npos) return {};  // nothing that a ':' could follow
    return Complaint{source.mark(before, place),
                     fmt::format("is {} missing {}? As it is, this text goes on in line {}",
                                 run_together ? "a space" : "':'",
                                 run_together ? "after this ':'" : "in this line", line + 1)};
}

// "key {a: b}}": without its ':' the key takes in the opening bracket.
std::optional<Complaint> missing_colon_before_bracket(const SourceText& source, std::size_t line) {
    const std::string_view text = source.line(line);
    const std::size_t bracket = text.find_first_of("{[");
    if (bracket == std::string_view::npos || bracket == 0) return {};
    const std::size_t last = text.find_last_not_of(' ', bracket - 1);
    if (last == std::string_view::npos ||
        (std::isalnum(static_cast<unsigned char>(text[last])) == 0 && text[last] != '_'))
        return {};
    return Complaint{source.mark(line, bracket), "is ':' missing before this bracket?"};
}

// What stands in a value at `column` that only quotes would keep from ending it.
std::optional<std::string> missing_quotes(std::string_view line, std::size_t column,
                                          std::string_view parser_message, bool bracket_in_line) {
    const std::string_view before = line.substr(0, column);
    const std::string_view rest = line.substr(before.size());
    if (rest.starts_with('{') && before.ends_with('$')) {
        return "'${...}' inside of brackets needs quotes: \"${...}\"";
    }
    if (parser_message.find("flow") != std::string_view::npos) {
        // In another line it is a key's, and the bracket before it is not closed.
        if (!rest.starts_with(':') || !bracket_in_line) return {};
        return "':' cannot stand here; text that holds ': ' needs quotes";
    }
    if (parser_message != "end of map not found" || rest.empty()) return {};
    const std::size_t last = before.find_last_not_of(' ');
    if (last == std::string_view::npos || (before[last] != '"' && before[last] != '\'')) return {};
    return "text behind the end of a quoted one; inside of quotes, write \\\" for \" and '' for '";
}

// The first code point of a text that is UTF-8.
std::string_view first_character(std::string_view text) {
    std::size_t end = 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return text.substr(0, end);
}

std::optional<Complaint> tab_in_indentation(const SourceText& source, std::size_t line) {
    const std::string_view text = source.line(line);
    const std::size_t tab = text.substr(0, text.find_first_not_of(" -\t")).find('\t');
    if (tab == std::string_view::npos) return {};
    return Complaint{source.mark(line, tab), "a tab in the indentation; use spaces"};
}

// yaml-cpp's message in words that help whoever wrote the file, and where the mistake is.
Complaint explain(const YAML::Exception& error, const SourceText& source, const Node* innermost) {
    const auto line = static_cast<std::size_t>(std::max(error.mark.line, 0));
    const auto column = static_cast<std::size_t>(std::max(error.mark.column, 0));
    Complaint complaint{source.mark(line, column), error.msg};
    const bool bracket_in_line = innermost != nullptr && innermost->mark.line == line + 1;
    if (auto quotes = missing_quotes(source.line(line), column, error.msg, bracket_in_line)) {
        complaint.message = std::move(*quotes);
        return complaint;
    }
    if (error.msg.starts_with("unknown escape character") && column >= 2) {
        // The parser has read the backslash and one byte; a character may have more.
        complaint.mark = source.mark(line, column - 2);
        complaint.message = fmt::format(
            "'\\{}' is no escape in double quotes; a regular expression stands in single quotes",
            first_character(source.line(line).substr(column - 1)));
    }
    const bool list = error.msg.starts_with("end of sequence flow not found");
    if ((list || error.msg.starts_with("end of map flow not found")) && innermost != nullptr) {
        complaint.message = fmt::format(
            "'{}' is missing, or ',' before this: the bracket opened at {}:{} is not closed",
            list ? ']' : '}', innermost->mark.line, innermost->mark.column);
        return complaint;
    }
    if (const auto tab = tab_in_indentation(source, line)) return *tab;
    if (error.msg == "illegal map value") {
        if (const auto cause = missing_colon(source, line, column)) return *cause;
    }
    if (error.msg == "illegal flow end") {
        if (const auto cause = missing_colon_before_bracket(source, line)) return *cause;
    }
    for (const Wording& wording : kWordings) {
        if (error.msg == wording.parser) complaint.message = wording.ours;
    }
    return complaint;
}

}  // namespace

ScenarioSyntaxError::ScenarioSyntaxError(std::string file, Mark mark, std::string message)
    : Error(fmt::format("{}:{}:{}: error: {}", file, mark.line, mark.column, message)),
      file_(std::move(file)),
      mark_(mark),
      message_(std::move(message)) {}

Document parse_document(std::string_view text, const std::string& file_name, const Limits& limits) {
    const SourceText source(text.substr(0, limits.bytes + 1));
    check_text(source, file_name, limits);
    TreeBuilder builder(source, file_name, limits);
    try {
        run_parser(text, builder);
    } catch (const YAML::Exception& error) {
        Complaint complaint = explain(error, source, builder.innermost());
        throw ScenarioSyntaxError(file_name, complaint.mark, std::move(complaint.message));
    }
    NodePtr root = builder.take_root();
    if (!root) root = std::make_shared<Node>();
    return {file_name, std::move(root)};
}

}  // namespace hvlab
