// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/source_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace hvlab {
namespace {

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;  // 0: the bytes are no UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode_utf8(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    std::uint32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[i])) return {};
        value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < kLeast[length] || value > 0x10FFFF || surrogate) return {};
    return {value, length};
}

// c-printable; the line breaks are judged by the caller.
bool is_printable(std::uint32_t c) {
    if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
    if (c < 0x7F) return true;
    return c == 0x85 || (c >= 0xA0 && c != 0xFFFE && c != 0xFFFF);
}

constexpr std::size_t kStride = 64;

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text), line_starts_{0} {
    std::size_t characters = 0;
    for (std::size_t at = 0; at <= text.size(); at += kStride) {
        checkpoints_.push_back(static_cast<std::uint32_t>(characters));
        characters += count_characters(text.substr(at, kStride));
    }
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
        line_starts_.push_back(at + 1);
    }
}

std::string_view SourceText::line(std::size_t index) const {
    if (index >= line_starts_.size()) return {};
    const std::size_t start = line_starts_[index];
    std::string_view line = text_.substr(start, text_.find('\n', start) - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::size_t SourceText::offset(std::size_t line, std::size_t byte_column) const {
    if (line >= line_starts_.size()) return text_.size();
    const std::size_t start = line_starts_[line];
    return start + std::min(byte_column, text_.size() - start);
}

Mark SourceText::mark(std::size_t line, std::size_t byte_column) const {
    return mark_at(offset(line, byte_column));
}

Mark SourceText::mark_at(std::size_t offset) const {
    const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
    const std::size_t start = *(after - 1);
    const std::size_t column = characters_before(offset) - characters_before(start) + 1;
    return {static_cast<std::uint32_t>(after - line_starts_.begin()),
            static_cast<std::uint32_t>(column)};
}

std::size_t SourceText::characters_before(std::size_t offset) const {
    const std::size_t checkpoint = offset / kStride;
    const std::size_t start = checkpoint * kStride;
    return checkpoints_[checkpoint] + count_characters(text_.substr(start, offset - start));
}

std::optional<TextProblem> find_text_problem(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        return TextProblem{0, "the file starts with a byte-order mark; save it as plain UTF-8"};
    }
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
        return TextProblem{0, "the file is UTF-16; save it as UTF-8"};
    }
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = decode_utf8(text.substr(at));
        if (c.length == 0) {
            const auto byte = static_cast<unsigned char>(text[at]);
            return TextProblem{at, fmt::format("byte 0x{:02x} is no UTF-8", byte)};
        }
        if (!is_printable(c.value)) {
            return TextProblem{
                at, fmt::format("character U+{:04X} is not allowed in a file; in double quotes "
                                "it can be written as an escape",
                                c.value)};
        }
        if (c.value == '\r' && text.substr(at + 1, 1) != "\n") {
            return TextProblem{at, "a carriage return without a line feed"};
        }
        at += c.length;
    }
    return std::nullopt;
}

}  // namespace hvlab
