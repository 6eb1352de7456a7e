// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/units.h"

namespace hvlab {

// Guest time as devices see it, and their timers. Owned by the host, one for each machine: inside a
// window each machine is at its own instant.
//
// Time stands still between instructions: now() is the time of the instruction that makes the
// access.
class Timeline {
public:
    using TimerId = std::size_t;

    // Where "now" comes from while a vCPU runs; null means the time set last.
    class Source {
    public:
        virtual ~Source() = default;
        virtual Nanoseconds now() const = 0;
        // The earliest timer became an earlier one, from inside an access: what runs must come back
        // in time for it. Not called when the earliest goes later or away: coming back too soon is
        // harmless.
        virtual void deadline_changed() = 0;
    };

    Nanoseconds now() const { return source_ != nullptr ? source_->now() : now_; }

    // A timer for the lifetime of the timeline, not armed yet. Timers that fall due at the same
    // instant fire in the order in which they were added.
    TimerId add_timer(std::string name, std::function<void()> callback);

    // Arms (or re-arms) at an absolute time; a time in the past fires as soon as possible.
    void arm(TimerId timer, Nanoseconds when);
    void disarm(TimerId timer);
    std::optional<Nanoseconds> deadline(TimerId timer) const;
    const std::string& name(TimerId timer) const;

    std::optional<Nanoseconds> next_deadline() const {
        if (queue_.empty()) return std::nullopt;
        return queue_.back().when;
    }

    // For the machine: fires everything due at or before now(), in order. Callbacks may arm timers.
    void fire_due();
    void set_source(Source* source) { source_ = source; }
    // For the machine: moves time forward while nothing runs. Never backwards (asserted). Without
    // effect on now() while there is a source.
    void advance_to(Nanoseconds when);

private:
    struct Timer {
        std::string name;
        std::function<void()> callback;
        Nanoseconds when = 0;
        bool armed = false;
    };
    struct Entry {
        Nanoseconds when = 0;
        TimerId timer = 0;
    };

    void insert(TimerId timer, Nanoseconds when);
    void remove(TimerId timer);

    Nanoseconds now_ = 0;
    Source* source_ = nullptr;
    std::deque<Timer> timers_;  // a callback that adds a timer must not move itself
    // The armed timers, latest first, so that the next to fire is the last. A machine has a
    // handful: moving a few entries beats a tree, and nothing is allocated after add_timer.
    std::vector<Entry> queue_;
};

}  // namespace hvlab
