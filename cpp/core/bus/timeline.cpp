// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/bus/timeline.h"

#include <utility>

#include "core/base/status.h"

namespace hvlab {

Timeline::TimerId Timeline::add_timer(std::string name, std::function<void()> callback) {
    timers_.push_back({.name = std::move(name), .callback = std::move(callback)});
    queue_.reserve(timers_.size());
    return timers_.size() - 1;
}

void Timeline::arm(TimerId timer, Nanoseconds when) {
    HVLAB_ASSERT(timer < timers_.size());
    const bool earlier = queue_.empty() || when < queue_.back().when;
    if (timers_[timer].armed) {
        if (timers_[timer].when == when) return;
        remove(timer);
    }
    insert(timer, when);
    if (earlier && source_ != nullptr) source_->deadline_changed();
}

void Timeline::disarm(TimerId timer) {
    HVLAB_ASSERT(timer < timers_.size());
    if (timers_[timer].armed) remove(timer);
}

std::optional<Nanoseconds> Timeline::deadline(TimerId timer) const {
    HVLAB_ASSERT(timer < timers_.size());
    if (!timers_[timer].armed) return std::nullopt;
    return timers_[timer].when;
}

const std::string& Timeline::name(TimerId timer) const {
    HVLAB_ASSERT(timer < timers_.size());
    return timers_[timer].name;
}

void Timeline::insert(TimerId timer, Nanoseconds when) {
    timers_[timer].when = when;
    timers_[timer].armed = true;
    auto place = queue_.end();
    const auto later = [&](const Entry& entry) {
        return entry.when != when ? entry.when > when : entry.timer > timer;
    };
    while (place != queue_.begin() && !later(*std::prev(place))) --place;
    queue_.insert(place, {.when = when, .timer = timer});
}

void Timeline::remove(TimerId timer) {
    timers_[timer].armed = false;
    auto entry = queue_.end();
    do --entry;
    while (entry->timer != timer);
    queue_.erase(entry);
}

void Timeline::fire_due() {
    while (!queue_.empty() && queue_.back().when <= now()) {
        Timer& timer = timers_[queue_.back().timer];
        queue_.pop_back();
        timer.armed = false;
        timer.callback();
    }
}

void Timeline::advance_to(Nanoseconds when) {
    HVLAB_ASSERT(when >= now_);
    now_ = when;
}

}  // namespace hvlab
