// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/scenario/scalar.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace hvlab {
namespace {

template <std::size_t kCount>
bool is_one_of(std::string_view text, const std::array<std::string_view, kCount>& words) {
    for (const std::string_view word : words) {
        if (text == word) return true;
    }
    return false;
}

constexpr std::array<std::string_view, 5> kNullWords = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrueWords = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalseWords = {"false", "False", "FALSE"};
constexpr std::array<std::string_view, 3> kInfinityWords = {".inf", ".Inf", ".INF"};
constexpr std::array<std::string_view, 3> kNanWords = {".nan", ".NaN", ".NAN"};

std::size_t count_digits(std::string_view text) {
    const std::size_t end = text.find_first_not_of("0123456789");
    return end == std::string_view::npos ? text.size() : end;
}

// [0-9]+ of `digits` in `base`, with `negative` from a sign before it.
ResolvedScalar to_integer(std::string_view digits, int base, bool negative) {
    std::uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
    constexpr std::uint64_t kMaxPositive = std::numeric_limits<std::int64_t>::max();
    if (error != std::errc{} || (negative && magnitude > kMaxPositive + 1)) {
        return {{}, ScalarProblem::kIntegerRange};
    }
    if (negative) return {static_cast<std::int64_t>(0 - magnitude)};
    if (magnitude > kMaxPositive) return {magnitude};
    return {static_cast<std::int64_t>(magnitude)};
}

// 0o[0-7]+ and 0x[0-9a-fA-F]+, which take no sign.
std::optional<ResolvedScalar> prefixed_integer(std::string_view text) {
    if (text.size() < 3 || text[0] != '0') return std::nullopt;
    const std::string_view digits = text.substr(2);
    if (text[1] == 'o' && digits.find_first_not_of("01234567") == std::string_view::npos) {
        return to_integer(digits, 8, false);
    }
    if (text[1] == 'x' &&
        digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos) {
        return to_integer(digits, 16, false);
    }
    return std::nullopt;
}

// (\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, the sign already taken off.
bool is_float(std::string_view text) {
    const std::size_t whole = count_digits(text);
    text.remove_prefix(whole);
    if (!text.empty() && text[0] == '.') {
        text.remove_prefix(1);
        const std::size_t fraction = count_digits(text);
        if (whole == 0 && fraction == 0) return false;
        text.remove_prefix(fraction);
    } else if (whole == 0) {
        return false;
    }
    if (text.empty()) return true;
    if (text[0] != 'e' && text[0] != 'E') return false;
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    return !text.empty() && count_digits(text) == text.size();
}

ResolvedScalar to_float(std::string_view magnitude, bool negative) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), value);
    if (error != std::errc{}) return {{}, ScalarProblem::kFloatRange};
    return {negative ? -value : value};
}

}  // namespace

ResolvedScalar resolve_plain_scalar(const std::string& text) {
    if (is_one_of(text, kNullWords)) return {};
    if (is_one_of(text, kTrueWords)) return {true};
    if (is_one_of(text, kFalseWords)) return {false};
    if (is_one_of(text, kNanWords)) return {std::numeric_limits<double>::quiet_NaN()};
    if (const auto integer = prefixed_integer(text)) return *integer;

    std::string_view magnitude = text;
    const bool negative = magnitude[0] == '-';
    if (negative || magnitude[0] == '+') magnitude.remove_prefix(1);
    if (is_one_of(magnitude, kInfinityWords)) {
        const double infinity = std::numeric_limits<double>::infinity();
        return {negative ? -infinity : infinity};
    }
    if (!magnitude.empty() && count_digits(magnitude) == magnitude.size()) {
        return to_integer(magnitude, 10, negative);
    }
    if (is_float(magnitude)) return to_float(magnitude, negative);
    return {text};
}

}  // namespace hvlab
