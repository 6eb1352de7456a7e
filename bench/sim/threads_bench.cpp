// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the engine's threads cost and bring: PHOLD on one and two threads, what it takes to have a
// second thread do its part of a window, and from how many events in a window on that pays. Part of
// `build/release/bench/sim/sim_engine_bench`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "sim/engine/testing/phold.h"
#include "sim/engine/thread_pool.h"
#include "sim/engine/windows.h"

namespace hvlab::sim {
namespace {

class Quiet final : public Observer {
public:
    void feed(std::span<const ProcessId>) override {}
    bool window(Time, std::uint64_t) override {
        ++windows;
        return true;
    }
    std::int64_t windows = 0;
};

constexpr std::uint64_t kNeverWaking = std::numeric_limits<std::uint64_t>::max();

struct Setting {
    std::int64_t processes;
    std::int64_t threads;
    std::int64_t window;  // events
    std::int64_t remote;  // of 100 events, how many are sent
    std::uint64_t worth_waking = EngineOptions{}.events_worth_waking;
};

// PHOLD with 16 events a process of 1 s on average; items are events.
void run_phold(benchmark::State& state, const Setting& setting) {
    testing::PholdOptions options{.processes = static_cast<std::uint32_t>(setting.processes),
                                  .remote = static_cast<double>(setting.remote) / 100,
                                  .mean = kSecond};
    const double rate = 16e-9 * static_cast<double>(options.processes);  // events a ns
    options.lookahead = static_cast<Duration>(static_cast<double>(setting.window) / rate);
    testing::PholdModel model(options);
    Engine engine(model.processes(), {.lookahead = options.lookahead,
                                      .threads = static_cast<int>(setting.threads),
                                      .events_worth_waking = setting.worth_waking});
    Quiet quiet;
    engine.run(options.lookahead * 10, quiet);
    const std::uint64_t before = engine.events();
    quiet.windows = 0;
    const Duration step = std::max(options.lookahead, static_cast<Duration>(1e5 / rate));
    for (auto _ : state) engine.run(engine.now() + step, quiet);
    state.SetItemsProcessed(static_cast<std::int64_t>(engine.events() - before));
    state.counters["windows"] =
        benchmark::Counter(static_cast<double>(quiet.windows), benchmark::Counter::kIsRate);
}

void phold(benchmark::State& state) {
    run_phold(state, {state.range(0), state.range(1), state.range(2), state.range(3)});
}
BENCHMARK(phold)
    ->ArgNames({"processes", "threads", "window", "remote"})
    ->UseRealTime()
    ->ArgsProduct({{1000}, {1, 2}, {30, 1000, 250'000}, {0}})
    ->ArgsProduct({{62'500}, {1, 2}, {1000, 250'000}, {0}})
    ->ArgsProduct({{62'500}, {1, 2}, {250'000}, {30}});

// On two threads, where the second is woken for every window (1) or for none (0).
void phold_waking(benchmark::State& state) {
    run_phold(state, {.processes = state.range(0),
                      .threads = 2,
                      .window = state.range(1),
                      .remote = 0,
                      .worth_waking = state.range(2) != 0 ? 0 : kNeverWaking});
}
BENCHMARK(phold_waking)
    ->ArgNames({"processes", "window", "wake"})
    ->UseRealTime()
    ->ArgsProduct({{1000, 62'500}, {10, 30, 100, 300, 1000, 3000}, {0, 1}});

class Nothing final : public ThreadPool::Job {
public:
    void work(int /*thread*/) override {}
};

// What it takes to have two threads do nothing, after the caller was busy elsewhere for so many us:
// at 0 the other one still spins, at 100 it sleeps. Items are rounds.
void waking(benchmark::State& state) {
    ThreadPool pool(2);
    Nothing nothing;
    const auto gap = std::chrono::microseconds(state.range(0));
    for (auto _ : state) {
        const auto idle = std::chrono::steady_clock::now() + gap;
        while (std::chrono::steady_clock::now() < idle) benchmark::ClobberMemory();
        const auto begin = std::chrono::steady_clock::now();
        pool.run(nothing);
        const auto end = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(end - begin).count());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(waking)->ArgName("gap_us")->Arg(0)->Arg(100)->UseManualTime();

}  // namespace
}  // namespace hvlab::sim
