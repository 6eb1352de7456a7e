// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/units.h"

namespace hvlab {

// Guest time as devices see it, and their timers. Owned by the host, one for each machine: inside a
// window each machine is at its own instant.
//
// Time stands still between instructions: now() is the time of the instruction that makes the access.
class Timeline {
public:
    using TimerId = std::size_t;

    // Where "now" comes from while a vCPU runs; null means the time set last.
    class Source {
    public:
        virtual ~Source() = default;
        virtual Nanoseconds now() const = 0;
        // The earliest timer changed from inside an access: what runs must come back in time for it.
        virtual void deadline_changed() = 0;
    };

    Nanoseconds now() const { return source_ != nullptr ? source_->now() : now_; }

    // A timer for the lifetime of the timeline. Timers that fall due at the same instant fire in the order
    // in which they were added.
    TimerId add_timer(std::string name, std::function<void()> callback);

    // Arms (or re-arms) at an absolute time; a time in the past fires as soon as possible.
    void arm(TimerId timer, Nanoseconds when);
    void disarm(TimerId timer);
    std::optional<Nanoseconds> deadline(TimerId timer) const;

    std::optional<Nanoseconds> next_deadline() const;

    // For the machine: fires everything due at or before now(), in order. Callbacks may arm timers.
    void fire_due();
    void set_source(Source* source) { source_ = source; }
    // For the machine: moves time forward while nothing runs. Never backwards.
    void advance_to(Nanoseconds when);

private:
    struct Timer {
        std::string name;
        std::function<void()> callback;
        std::optional<Nanoseconds> when;
    };

    Nanoseconds now_ = 0;
    Source* source_ = nullptr;
    std::vector<Timer> timers_;
    std::set<std::tuple<Nanoseconds, TimerId>> queue_;
};

}  // namespace hvlab
