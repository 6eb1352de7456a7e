// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/engine/mail.h"
#include "sim/engine/process.h"
#include "sim/engine/thread_pool.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// Told by Engine::run, on its caller's thread, while no process advances. What it throws is thrown
// by run; after `feed` has thrown, the engine is of no more use.
class Observer {
public:
    virtual ~Observer() = default;

    // Gives each of these processes the input that it starves for; in order of their ids. If they
    // starve for ever without an event, run throws a ConfigError.
    virtual void feed(std::span<const ProcessId> starved) = 0;
    // All before `end` has happened, and nothing from it on; `events` of it in this window. False:
    // stop here.
    virtual bool window(Time end, std::uint64_t events) = 0;
};

struct EngineOptions {
    // The least delay of a message, at least 1 ns: no window is longer.
    Duration lookahead = kMillisecond;
    // No process sends (HVLAB_ASSERT): windows may be longer than the lookahead.
    bool independent = false;
    int threads = 1;
    // A window is made as long as it takes for about so many events: 20 to 50 ms of the host's
    // time.
    std::uint64_t window_events = 250'000;
    Duration longest_window = kNever;
    // After a window with fewer, the caller's thread does the next one alone: sharing the cheapest
    // events out takes as long (docs/design/sim.md).
    std::uint64_t events_worth_waking = 100;
};

// Runs processes through conservative windows, on several threads. What they do depends neither on
// the number of threads nor on the windows. Nothing allocates in steady state.
class Engine {
public:
    // The processes outlive the engine; a process's place is its id. Threads are started here
    // (HostError) and live as long as the engine.
    Engine(std::vector<Process*> processes, const EngineOptions& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    std::span<Process* const> processes() const { return processes_; }
    // All before it has happened, in all processes.
    Time now() const { return now_; }
    std::uint64_t events() const { return events_; }

    // Handles all events before `end`. False: the observer stopped it, at now(). What a process
    // throws is thrown here, of several that of the lowest id; then the engine is of no more use.
    bool run(Time end, Observer& observer);

    // All but the processes, between runs or in Observer::window.
    void save(StateWriter& writer) const;
    // Into an engine of as many processes that has not run. Throws StateError.
    void load(StateReader& reader);

private:
    struct Worker;
    class Job;

    void refresh();
    void renew_block(std::size_t block);
    Duration longest() const;
    std::uint64_t run_window(Observer& observer);
    void work(Job& job);
    void feed(Observer& observer);
    void throw_first();
    void adapt(Duration length, std::uint64_t events);

    // On several threads:
    void advance_blocks(Worker& worker);
    void advance_block(std::size_t block, Worker& worker);
    void advance_starved(Worker& worker);
    void advance(ProcessId process, Worker& worker);

    std::vector<Process*> processes_;
    EngineOptions options_;
    bool broken_ = false;
    Time now_ = 0;
    Time start_ = 0;  // of the window
    Time end_ = 0;
    Duration length_;  // wished for the next window
    std::uint64_t events_ = 0;
    std::uint64_t last_events_ = 0;  // in the last window

    // The time of each process's next event or message, and the least in each block of processes:
    // a window passes over blocks, and looks only into those that have something to do.
    std::size_t block_size_;
    std::vector<Time> next_;
    std::vector<Time> block_next_;

    Mail mail_;
    std::vector<std::uint64_t> sent_;  // by each process
    std::vector<ProcessId> starved_;
    std::atomic<std::size_t> starved_taken_{0};
    ThreadPool pool_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace hvlab::sim
