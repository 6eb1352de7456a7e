// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/process.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// Messages on their way, and those that are due in this window, by their receivers. Nothing
// allocates once the most messages ever under way are there.
class Mail {
public:
    explicit Mail(std::size_t processes) : inboxes_(processes) {}

    void post(const Message& message);
    // The time of the first message under way; kNever if there is none.
    Time next() { return under_way_.empty() ? kNever : under_way_.top().time; }
    // Puts what arrives before `end` into the inboxes, in order of (time, from, sequence), and
    // calls visit(receiver, time) for each.
    template <typename Visit>
    void deliver(Time end, Visit visit) {
        while (next() < end) visit(hand_over(), now_);
    }

    // The first message in the inbox of `process`, or nullptr. Inboxes of different processes may
    // be used on different threads.
    const Message* first(ProcessId process) const {
        const std::uint32_t parcel = inboxes_[process].first;
        return parcel == kNothing ? nullptr : &parcels_[parcel].message;
    }
    void drop_first(ProcessId process) {
        inboxes_[process].first = parcels_[inboxes_[process].first].next;
    }
    // All that was delivered is dropped.
    void window_over();

    // All inboxes are empty. The same bits for the same messages.
    void save(StateWriter& writer) const;
    // Throws StateError; `now`: no message is earlier.
    void load(StateReader& reader, Time now);

private:
    static constexpr std::uint32_t kNothing = ~std::uint32_t{0};

    struct Parcel {
        Message message;
        std::uint32_t next = kNothing;  // in its inbox
        bool under_way = false;
    };
    struct Inbox {
        std::uint32_t first = kNothing;
        std::uint32_t last = kNothing;
    };

    ProcessId hand_over();

    EventQueue under_way_;  // kind: the parcel
    Time now_ = 0;          // of the last message delivered
    std::vector<Parcel> parcels_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> delivered_;
    std::vector<Inbox> inboxes_;
};

}  // namespace hvlab::sim
