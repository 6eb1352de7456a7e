// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/periodic.h"

#include <algorithm>

#include "sim/workloads/lanes.h"

namespace hvlab::sim {

// Periods are counted by numbers; those from `served` to before `arrived` are in the VM.
struct PeriodicWorkload::Task {
    Time origin;  // where period 0 would have started; may be negative
    std::int64_t served;
    std::int64_t arrived;
};

PeriodicWorkload::Task& PeriodicWorkload::task(Guest& guest, int vcpu) {
    return (&guest.state<Task>())[vcpu];
}

std::size_t PeriodicWorkload::state_size(int vcpus) const {
    return static_cast<std::size_t>(vcpus) * sizeof(Task);
}

Duration PeriodicWorkload::share(double utilisation, Duration period) {
    const double work = utilisation * static_cast<double>(period) + 0.5;
    return std::clamp(static_cast<Duration>(work), Duration{1}, period);
}

void PeriodicWorkload::start(Guest& guest) const {
    const std::int64_t first = first_period(guest.stream());
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
        const double offset = stagger_ ? guest.stream().uniform() : 0;
        Task& begun = task(guest, vcpu);
        begun.origin = static_cast<Time>(offset * static_cast<double>(period_)) - first * period_;
        begun.served = begun.arrived = with_work(first);
        if (begun.arrived != kEnded) {
            guest.set_timer(vcpu, begun.origin + begun.arrived * period_);
        }
    }
}

void PeriodicWorkload::timer(Guest& guest, int vcpu) const {
    Task& due = task(guest, vcpu);
    guest.arrive();
    if (due.served == due.arrived) guest.compute(vcpu, work(due.served));
    due.arrived = with_work(due.arrived + 1);
    if (due.arrived != kEnded) guest.set_timer(vcpu, due.origin + due.arrived * period_);
}

void PeriodicWorkload::done(Guest& guest, int vcpu) const {
    Task& ended = task(guest, vcpu);
    guest.respond(ended.origin + ended.served * period_);
    ended.served = with_work(ended.served + 1);
    if (ended.served < ended.arrived) guest.compute(vcpu, work(ended.served));
}

void PeriodicWorkload::open_requests(Guest& guest, const std::function<void(Time)>& visit) const {
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
        const Task& at = task(guest, vcpu);
        for (std::int64_t i = at.served; i < at.arrived; i = with_work(i + 1)) {
            visit(at.origin + i * period_);
        }
    }
}

// All periods that have begun have come, the next one has not.
void PeriodicWorkload::check(Guest& guest) const {
    const Time now = guest.now();
    for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
        const Task& at = task(guest, vcpu);
        require_state(at.origin >= -kNever / 4 && at.origin <= period_);
        const Duration since = now - at.origin;
        const std::int64_t present = since >= 0 ? since / period_ : -1;
        // Of one that begins right now it may have been seen or not.
        const bool begins = since >= 0 && since % period_ == 0;
        require_state(at.arrived == with_work(present + 1) ||
                      (begins && at.arrived == present && with_work(present) == present));
        require_state(at.served >= 0 && at.served <= at.arrived);
        if (at.served == at.arrived) continue;
        require_state(at.served <= present && with_work(at.served) == at.served);
        require_state(at.origin + at.served * period_ >= 0);
    }
}

}  // namespace hvlab::sim
