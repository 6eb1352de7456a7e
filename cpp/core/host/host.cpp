// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/host/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hvlab {

namespace {

// After these the guest prints nothing more before somebody acts: a match that only waited for its
// end stands.
bool ends_output(StopReason reason) {
    switch (reason) {
        case StopReason::kDebugExit:
        case StopReason::kHalted:
        case StopReason::kReset:
        case StopReason::kTripleFault:
        case StopReason::kDeadline:
        case StopReason::kUnhandledAccess:
        case StopReason::kGuestFault:
        case StopReason::kGuestCall:
        case StopReason::kDoorbell:
        case StopReason::kError:
            return true;
        case StopReason::kMatch:
        case StopReason::kBudget:
        case StopReason::kWallDeadline:
        case StopReason::kInterrupted:
            return false;
    }
    return false;
}

std::string message_of(const Awaited& event) {
    switch (event.place) {
        case Awaited::Place::kConsole:
            return "the console printed what was waited for";
        case Awaited::Place::kScreen:
            return "the screen shows what was waited for";
        case Awaited::Place::kPort:
            return fmt::format("the guest wrote to port {:#x} what was waited for",
                               event.port.port);
    }
    HVLAB_ASSERT(false && "unknown place");
}

}  // namespace

// The search for a goal's events, on all machines that they are of.
class Host::Searching {
public:
    explicit Searching(std::span<const Awaited> events) : events_(events) {
        for (std::size_t i = 0; i < events.size(); ++i) {
            events[i].machine->search().await(events[i], i);
        }
    }
    ~Searching() {
        for (const Awaited& event : events_) event.machine->search().end();
    }
    Searching(const Searching&) = delete;
    Searching& operator=(const Searching&) = delete;

    // True if one of them is there already.
    bool begin() {
        bool completed = false;
        for (const Awaited& event : events_) {
            completed = event.machine->search().begin(event.machine->now()) || completed;
        }
        return completed;
    }

private:
    std::span<const Awaited> events_;
};

Machine& Host::create_machine(MachineConfig config, Backend& backend) {
    if (find(config.name) != nullptr) {
        throw ConfigError("name", fmt::format("there is already a machine '{}'", config.name));
    }
    machines_.push_back(std::make_unique<Machine>(config, backend, now()));
    return *machines_.back();
}

Machine* Host::find(std::string_view name) {
    const auto found = std::find_if(machines_.begin(), machines_.end(),
                                    [&](const auto& machine) { return machine->name() == name; });
    return found == machines_.end() ? nullptr : found->get();
}

void Host::remove(Machine& machine) {
    const auto found = std::find_if(machines_.begin(), machines_.end(),
                                    [&](const auto& owned) { return owned.get() == &machine; });
    HVLAB_ASSERT(found != machines_.end());
    if (deferred_ && deferred_->machine == machine.name()) deferred_.reset();
    reached_ = now();
    machines_.erase(found);
}

void Host::reset(Machine& machine) {
    machine.reset();
    if (deferred_ && deferred_->machine == machine.name()) deferred_.reset();
}

Nanoseconds Host::now() const {
    Nanoseconds latest = reached_;
    for (const auto& machine : machines_) latest = std::max(latest, machine->now());
    return latest;
}

void Host::interrupt() {
    if (machines_.size() == 1) {
        machines_.front()->interrupt();
    } else {
        interrupted_.store(true);  // seen at the end of the window
    }
}

Stop Host::run(const Goal& goal) {
    if (machines_.empty()) throw ConfigError("machines", "the host has no machine to run");
    Searching search(goal.events);
    if (search.begin()) return finish(goal, {.reason = StopReason::kMatch});
    if (deferred_) return *std::exchange(deferred_, std::nullopt);
    return finish(goal,
                  machines_.size() == 1 ? machines_.front()->run(goal.limits) : run_windows(goal));
}

// Puts the event that happened first, if one did, in the place of the stop.
Stop Host::finish(const Goal& goal, Stop stop) {
    std::optional<Happened> first;
    for (const Awaited& event : goal.events) {
        // Where nothing more will be printed before somebody acts, what only waited for its end
        // counts.
        const bool silent = stop.reason == StopReason::kDeadline || event.machine->ended() ||
                            (ends_output(stop.reason) && stop.machine == event.machine->name());
        const std::optional<Happened> found = event.machine->search().happened(silent);
        if (found && (!first || found->before(*first))) first = found;
    }
    if (!first) return stop;
    const Awaited& event = goal.events[first->index];
    Stop matched = event.machine->stop_now(StopReason::kMatch, message_of(event));
    event.machine->search().take(matched);
    if (stop.reason != StopReason::kMatch && stop.reason != StopReason::kDeadline) {
        deferred_ = std::move(stop);
    }
    return matched;
}

Stop Host::run_windows(const Goal& goal) {
    Machine& reporter = goal.machine != nullptr ? *goal.machine
                        : !goal.events.empty()  ? *goal.events.front().machine
                                                : *machines_.front();
    for (;;) {
        if (Machine* const ended = futile(goal)) return *ended->ended();
        if (interrupted_.exchange(false)) {
            return reporter.stop_now(StopReason::kInterrupted, "the run was interrupted");
        }
        const Nanoseconds start = running_since();
        if (goal.limits.deadline && start >= *goal.limits.deadline) {
            return reporter.stop_now(StopReason::kDeadline, "guest time came to the deadline");
        }
        Nanoseconds end = start + window();
        if (goal.limits.deadline) end = std::min(end, *goal.limits.deadline);
        if (std::optional<Stop> stop = run_window(goal, end)) return *stop;
    }
}

Machine* Host::futile(const Goal& goal) const {
    const auto has_ended = [](const Machine& machine) { return machine.ended().has_value(); };
    if (!goal.events.empty()) {
        const bool all = std::ranges::all_of(
            goal.events, [&](const Awaited& event) { return has_ended(*event.machine); });
        return all ? goal.events.front().machine : nullptr;
    }
    if (goal.machine != nullptr) return has_ended(*goal.machine) ? goal.machine : nullptr;
    const bool all =
        std::ranges::all_of(machines_, [&](const auto& machine) { return has_ended(*machine); });
    return all ? machines_.front().get() : nullptr;
}

Nanoseconds Host::window() const {
    const bool counted = std::ranges::all_of(
        machines_, [](const auto& machine) { return machine->instructions().has_value(); });
    return counted ? kWindow : kHostTimeWindow;
}

std::optional<Stop> Host::run_window(const Goal& goal, Nanoseconds end) {
    for (const auto& machine : machines_) {
        if (machine->ended() || machine->now() >= end) continue;
        RunLimits limits = goal.limits;
        limits.deadline = end;
        if (machine.get() != goal.machine) limits.instructions.reset();
        Stop stop = machine->run(limits);
        if (stop.reason == StopReason::kHalted && !halts_end_runs_) continue;
        if (stop.reason != StopReason::kDeadline) return stop;
    }
    return std::nullopt;
}

Nanoseconds Host::running_since() const {
    std::optional<Nanoseconds> earliest;
    for (const auto& machine : machines_) {
        if (!machine->ended()) {
            earliest = std::min(earliest.value_or(machine->now()), machine->now());
        }
    }
    return earliest.value_or(now());
}

}  // namespace hvlab
