// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/console.h"

#include <algorithm>

namespace hvlab {

Console::Console() : text_(1, ConsolePattern::kEndOfOutput) {}

bool Console::append(std::uint8_t byte, Nanoseconds now) {
    ++bytes_written_;
    if (byte == '\r') return false;
    if (text_.size() > 2 * kKeep) trim();
    const bool found_before = found_.has_value();
    push(static_cast<char>(byte), now);
    return found_.has_value() && !found_before;
}

void Console::await(const ConsolePattern& pattern, std::size_t index) {
    awaited_.emplace_back(&pattern, index);
}

bool Console::begin_search() {
    found_.reset();
    std::optional<std::size_t> first;
    for (const auto& [pattern, index] : awaited_) {
        const std::optional<std::size_t> candidate = pattern->first_candidate(text(), position_);
        if (candidate) first = std::min(first.value_or(*candidate), *candidate);
    }
    if (!first) return false;
    // From the line of the first candidate on the output arrives once more, byte by byte, so that a
    // search finds the same match whether it began before or after the guest printed it.
    const std::size_t line = *first == 0 ? 0 : text_.rfind('\n', *first - 1) + 1;
    const std::size_t start = std::max(position_, line);
    const std::string again(text().substr(start));
    const std::vector<Nanoseconds> times(times_.begin() + static_cast<std::ptrdiff_t>(start),
                                         times_.end());
    truncate(start);
    for (std::size_t i = 0; i < again.size(); ++i) push(again[i], times[i]);
    return found_.has_value();
}

void Console::push(char byte, Nanoseconds time) {
    text_.back() = byte;
    text_.push_back(ConsolePattern::kEndOfOutput);
    times_.push_back(time);
    if (!awaited_.empty() && !found_) scan(false);
    if (byte == '\n') line_start_ = text().size();
}

void Console::truncate(std::size_t size) {
    text_.resize(size);
    line_start_ = text_.rfind('\n') + 1;  // npos + 1 is 0
    text_.push_back(ConsolePattern::kEndOfOutput);
    times_.resize(size);
}

void Console::scan(bool final) {
    for (std::size_t i = 0; i < awaited_.size() && !found_; ++i) {
        found_ = awaited_[i].first->completed(text(), line_start_, position_, final);
        found_by_ = i;
    }
    if (found_) found_time_ = times_.back();
}

std::optional<Happened> Console::found(bool final) {
    if (!found_ && final && !times_.empty()) scan(true);
    if (!found_) return std::nullopt;
    return Happened{awaited_[found_by_].second, found_time_};
}

ConsoleMatch Console::take() {
    ConsoleMatch match;
    match.time = found_time_;
    match.group_names = awaited_[found_by_].first->group_names();
    for (const auto& group : found_->groups) {
        if (group) {
            match.groups.emplace_back(text_.substr(group->start, group->end - group->start));
        } else {
            match.groups.emplace_back(std::nullopt);
        }
    }
    position_ = found_->groups[0]->end;
    return match;
}

void Console::end_search() {
    awaited_.clear();
    found_.reset();
}

void Console::trim() {
    const std::size_t count = text_.size() - 1 - kKeep;
    text_.erase(0, count);
    times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(count));
    dropped_ += count;
    line_start_ -= std::min(line_start_, count);
    position_ -= std::min(position_, count);
}

std::vector<Console::Line> Console::lines() const {
    std::vector<Line> lines;
    const std::string_view all = text();
    for (std::size_t start = 0; start < all.size();) {
        const std::size_t end = std::min(all.find('\n', start), all.size());
        lines.push_back({times_[start], all.substr(start, end - start)});
        start = end + 1;
    }
    return lines;
}

std::string Console::tail(std::size_t count) const {
    const std::string_view all = text();
    std::size_t start = all.size();
    if (start > 0 && all[start - 1] == '\n') --start;
    for (; count > 0 && start > 0; --count) {
        const std::size_t newline = all.rfind('\n', start - 1);
        start = newline == std::string_view::npos ? 0 : newline;
    }
    if (start < all.size() && all[start] == '\n') ++start;
    return std::string(all.substr(start));
}

}  // namespace hvlab
