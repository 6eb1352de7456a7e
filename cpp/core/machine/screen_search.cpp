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

bool ScreenSearch::begin(const ConsolePattern& pattern, Nanoseconds now) {
    pattern_ = &pattern;
    found_.reset();
    return look_at_all(now);
}

bool ScreenSearch::written(std::uint64_t offset, unsigned size, Nanoseconds now) {
    if (!active()) return false;
    if (size == 1 && offset % 2 == 1) return false;  // an attribute
    for (unsigned row = 0; row < screen_.rows(); ++row) {
        if (screen_.shows(row, offset, size) && look_at(row, now)) return true;
    }
    return false;
}

bool ScreenSearch::layout_changed(Nanoseconds now) {
    return active() && look_at_all(now);
}

bool ScreenSearch::look_at_all(Nanoseconds now) {
    for (unsigned row = 0; row < screen_.rows(); ++row) {
        if (look_at(row, now)) return true;
    }
    return false;
}

bool ScreenSearch::look_at(unsigned row, Nanoseconds now) {
    std::string text = screen_.row_text(row);
    // A text may end in spaces, as a prompt does; the end of a row is what `$` means.
    if (!pattern_->is_regex()) text.append(screen_.columns(), ' ');
    const auto result = pattern_->find(text);
    if (!result) return false;
    found_.emplace();
    found_->time = now;
    found_->group_names = pattern_->group_names();
    for (const auto& group : result->groups) {
        found_->groups.push_back(
            group ? std::optional(text.substr(group->start, group->end - group->start))
                  : std::nullopt);
    }
    const std::string_view before = std::string_view(text).substr(0, result->groups[0]->start);
    found_->place = {.row = row, .column = count_characters(before)};
    return true;
}

std::optional<ConsoleMatch> ScreenSearch::finish() {
    pattern_ = nullptr;
    return std::exchange(found_, std::nullopt);
}

}  // namespace hvlab
