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

bool is_final(StopReason reason) {
    return reason == StopReason::kReset || reason == StopReason::kTripleFault ||
           reason == StopReason::kHalted;
}

}  // namespace

Machine& Host::create_machine(MachineConfig config, Backend& backend) {
    if (find(config.name) != nullptr) {
        throw ConfigError("name", fmt::format("there is already a machine '{}'", config.name));
    }
    machines_.push_back(std::make_unique<Machine>(config, backend, now()));
    parked_.push_back(false);
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
    parked_.erase(parked_.begin() + (found - machines_.begin()));
    machines_.erase(found);
}

Nanoseconds Host::now() const {
    Nanoseconds latest = 0;
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
    if (goal.pattern != nullptr && begin_search(goal)) {
        const char* message = goal.on_screen ? "the screen showed what was waited for"
                                             : "the console had printed what was waited for";
        return finish(goal, goal.machine->stop_now(StopReason::kMatch, message));
    }
    if (deferred_) return *std::exchange(deferred_, std::nullopt);
    try {
        return finish(
            goal, machines_.size() == 1 ? machines_.front()->run(goal.limits) : run_windows(goal));
    } catch (...) {
        if (goal.pattern != nullptr) finish_search(goal, false);
        throw;
    }
}

bool Host::begin_search(const Goal& goal) {
    Machine& machine = *goal.machine;
    return goal.on_screen ? machine.screen_search().begin(*goal.pattern, machine.now())
                          : machine.console().begin_search(*goal.pattern);
}

std::optional<ConsoleMatch> Host::finish_search(const Goal& goal, bool final) {
    return goal.on_screen ? goal.machine->screen_search().finish()
                          : goal.machine->console().finish_search(final);
}

// Ends the search and adds what it found.
Stop Host::finish(const Goal& goal, Stop stop) {
    if (goal.pattern == nullptr) return stop;
    std::optional<ConsoleMatch> match = finish_search(goal, ends_output(stop.reason));
    if (!match) return stop;
    if (stop.reason != StopReason::kMatch) {
        Stop matched = stop;
        matched.reason = StopReason::kMatch;
        matched.message = goal.on_screen ? "the screen shows what was waited for"
                                         : "the console printed what was waited for";
        matched.code.reset();
        matched.access.reset();
        if (stop.reason != StopReason::kDeadline) deferred_ = std::move(stop);
        stop = std::move(matched);
    }
    stop.match = std::move(match);
    return stop;
}

Stop Host::run_windows(const Goal& goal) {
    for (;;) {
        const std::optional<Nanoseconds> start = running_since();
        Machine& reporter = goal.machine != nullptr ? *goal.machine : *machines_.front();
        if (!start)
            return reporter.run(goal.limits);  // nothing runs any more: it tells its stop again
        if (interrupted_.exchange(false)) {
            return reporter.stop_now(StopReason::kInterrupted, "the run was interrupted");
        }
        if (goal.limits.deadline && *start >= *goal.limits.deadline) {
            return reporter.stop_now(StopReason::kDeadline, "guest time came to the deadline");
        }
        Nanoseconds end = *start + window();
        if (goal.limits.deadline) end = std::min(end, *goal.limits.deadline);
        if (std::optional<Stop> stop = run_window(goal, end)) return *stop;
    }
}

Nanoseconds Host::window() const {
    const bool counted = std::ranges::all_of(
        machines_, [](const auto& machine) { return machine->instructions().has_value(); });
    return counted ? kWindow : kHostTimeWindow;
}

std::optional<Stop> Host::run_window(const Goal& goal, Nanoseconds end) {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        Machine& machine = *machines_[i];
        if (parked_[i] || machine.now() >= end) continue;
        RunLimits limits = goal.limits;
        limits.deadline = end;
        if (&machine != goal.machine) limits.instructions.reset();
        Stop stop = machine.run(limits);
        if (stop.reason == StopReason::kDeadline) continue;
        parked_[i] = is_final(stop.reason);
        // A machine that halted for ever is no news while others run, unless it is the one waited
        // for.
        const bool tell =
            stop.reason != StopReason::kHalted || &machine == goal.machine || !running_since();
        if (tell) return stop;
    }
    return std::nullopt;
}

std::optional<Nanoseconds> Host::running_since() const {
    std::optional<Nanoseconds> earliest;
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (!parked_[i])
            earliest = std::min(earliest.value_or(machines_[i]->now()), machines_[i]->now());
    }
    return earliest;
}

}  // namespace hvlab
