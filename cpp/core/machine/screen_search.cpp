// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/screen_search.h"

#include <algorithm>

namespace hvlab {

namespace {

// UTF-8: continuation bytes begin no character.
unsigned count_characters(std::string_view text) {
    return static_cast<unsigned>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void ScreenSearch::await(const ConsolePattern& pattern, std::size_t index) {
    awaited_.emplace_back(&pattern, index);
}

bool ScreenSearch::begin(Nanoseconds now) {
    return active() && look(now, [](unsigned) { return true; });
}

bool ScreenSearch::written(std::uint64_t offset, unsigned size, Nanoseconds now) {
    if (!active()) return false;
    if (size == 1 && offset % 2 == 1) return false;  // an attribute
    return look(now, [&](unsigned row) { return screen_.shows(row, offset, size); });
}

bool ScreenSearch::layout_changed(Nanoseconds now) {
    return active() && look(now, [](unsigned) { return true; });
}

std::optional<Happened> ScreenSearch::found() const {
    if (!match_) return std::nullopt;
    return Happened{index_, match_->time};
}

void ScreenSearch::end() {
    awaited_.clear();
    match_.reset();
}

template <typename IsWanted>
bool ScreenSearch::look(Nanoseconds now, IsWanted&& is_wanted) {
    for (const auto& [pattern, index] : awaited_) {
        for (unsigned row = 0; row < screen_.rows(); ++row) {
            if (!is_wanted(row)) continue;
            match_ = match(*pattern, row, now);
            index_ = index;
            if (match_) return true;
        }
    }
    return false;
}

std::optional<ConsoleMatch> ScreenSearch::match(const ConsolePattern& pattern, unsigned row,
                                                Nanoseconds now) const {
    std::string text = screen_.row_text(row);
    // A text may end in spaces, as a prompt does; the end of a row is what `$` means.
    if (!pattern.is_regex()) text.append(screen_.columns(), ' ');
    const auto result = pattern.find(text);
    if (!result) return std::nullopt;
    ConsoleMatch match;
    match.time = now;
    match.group_names = pattern.group_names();
    for (const auto& group : result->groups) {
        match.groups.push_back(
            group ? std::optional(text.substr(group->start, group->end - group->start))
                  : std::nullopt);
    }
    const std::string_view before = std::string_view(text).substr(0, result->groups[0]->start);
    match.place = {.row = row, .column = count_characters(before)};
    return match;
}

}  // namespace hvlab
