// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/machine/machine.h"

namespace hvlab {

// Owns machines and takes them through guest time together, in one thread: in windows, each machine
// in turn, in the order in which they were made. What one machine does to another takes effect at
// the end of a window at the earliest, so that no order of execution can be seen from inside.
class Host {
public:
    // The length of a window while several machines run: the shortest latency between two of them.
    static constexpr Nanoseconds kWindow = kMicrosecond;
    // ... and where a machine's time is the host's: the end of a window costs a timer and a signal.
    static constexpr Nanoseconds kHostTimeWindow = kMillisecond;

    explicit Host(Seed seed) : seed_(seed) {}

    // Throws ConfigError for a name that is taken, and what Machine's constructor throws. The
    // machine is powered on at the host's current time.
    Machine& create_machine(MachineConfig config, Backend& backend);
    // Ends a machine of this host.
    void remove(Machine& machine);
    // Machine::reset of one of its machines; a stop of it that was not told yet is gone.
    void reset(Machine& machine);
    Machine* find(std::string_view name);
    std::span<const std::unique_ptr<Machine>> machines() const { return machines_; }

    // The seed of a machine that has none of its own.
    Seed machine_seed(std::string_view name) const { return seed_.child("machine").child(name); }

    // What ends a run besides what a guest does.
    struct Goal {
        RunLimits limits = {};       // `instructions` counts on `machine`, absolute
        Machine* machine = nullptr;  // the one that the caller is about, if any
        // The first to happen ends the run: of several on one machine the one that its guest did
        // first; of several in one window, the one on the machine that was made first.
        std::span<const Awaited> events = {};
    };

    // Runs all machines until one of them stops. What has ended (Machine::ended) is left out of
    // every further run, as long as some machine runs on that an event is awaited of, or that is
    // `goal.machine`; else its stop is told again. That a machine halted for ever is no news while
    // others run. Throws ConfigError when there is no machine.
    Stop run(const Goal& goal);

    // Whether a machine that halts for ever ends a run also while others run on. Not by default.
    bool halts_end_runs() const { return halts_end_runs_; }
    void set_halts_end_runs(bool on) { halts_end_runs_ = on; }

    // Any thread: the run in progress, or else the next one, ends.
    void interrupt();

    // The instant that the foremost machine has reached, be it removed or not; the others are less
    // than a window behind.
    Nanoseconds now() const;

private:
    class Searching;

    Stop run_windows(const Goal& goal);
    Nanoseconds window() const;
    std::optional<Stop> run_window(const Goal& goal, Nanoseconds end);
    // A machine that has ended, when nothing that the goal is about still runs; else null.
    Machine* futile(const Goal& goal) const;
    // Where the hindmost machine that still runs has got to.
    Nanoseconds running_since() const;
    Stop finish(const Goal& goal, Stop stop);

    Seed seed_;
    std::vector<std::unique_ptr<Machine>> machines_;
    std::atomic<bool> interrupted_{false};
    Nanoseconds reached_ = 0;  // by the machines that were removed
    bool halts_end_runs_ = false;
    // A stop that was not told because the output before it completed a match; told by the next
    // run.
    std::optional<Stop> deferred_;
};

}  // namespace hvlab
