// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the simulator's engine costs: random numbers and the agenda of a process.
// `build/release/bench/sim/sim_engine_bench`.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "sim/engine/agenda.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/stream.h"

namespace hvlab::sim {
namespace {

// One draw of one of a thousand streams, as the VMs of a cluster do.
template <typename Draw>
void draw(benchmark::State& state, Draw one) {
    constexpr std::size_t kStreams = 1000;
    std::vector<Stream> streams;
    streams.reserve(kStreams);
    for (std::uint64_t key = 0; key < kStreams; ++key) streams.emplace_back(key);
    Stream choice(kStreams);
    std::vector<std::uint32_t> order(1 << 14);
    for (auto& at : order) at = static_cast<std::uint32_t>(choice.bits() % kStreams);
    std::size_t i = 0;
    for (auto _ : state) benchmark::DoNotOptimize(one(streams[order[i++ % order.size()]]));
    state.SetItemsProcessed(state.iterations());
}

void stream_bits(benchmark::State& state) {
    draw(state, [](Stream& stream) { return stream.bits(); });
}
BENCHMARK(stream_bits);

void stream_exponential(benchmark::State& state) {
    draw(state, [](Stream& stream) { return stream.exponential(); });
}
BENCHMARK(stream_exponential);

// What ours is measured against.
void stream_exponential_by_the_library(benchmark::State& state) {
    draw(state, [](Stream& stream) { return -std::log(stream.uniform()); });
}
BENCHMARK(stream_exponential_by_the_library);

void stream_normal(benchmark::State& state) {
    draw(state, [](Stream& stream) { return stream.normal(); });
}
BENCHMARK(stream_normal);

std::vector<Duration> exponential_steps() {
    Stream stream(1);
    std::vector<Duration> steps(1 << 15);
    for (Duration& step : steps) step = 1 + static_cast<Duration>(stream.exponential() * 1e6);
    return steps;
}

// The first slot is set to a later time, as most events do.
void agenda(benchmark::State& state) {
    const std::vector<Duration> steps = exponential_steps();
    const auto slots = static_cast<Agenda::Slot>(state.range(0));
    Agenda agenda(slots);
    for (Agenda::Slot slot = 0; slot < slots; ++slot) agenda.set(slot, steps[slot]);
    std::size_t i = 0;
    for (auto _ : state) {
        const Agenda::Entry top = agenda.top();
        agenda.set(top.slot, top.time + steps[i++ % steps.size()]);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(agenda)->Arg(17)->Arg(320)->Arg(2000);

void agenda_by_event_queue(benchmark::State& state) {
    const std::vector<Duration> steps = exponential_steps();
    EventQueue queue;
    const auto slots = static_cast<std::uint32_t>(state.range(0));
    for (std::uint32_t slot = 0; slot < slots; ++slot) queue.push({steps[slot], slot, 0, 0});
    std::size_t i = 0;
    for (auto _ : state) {
        Event event = queue.pop();
        event.time += steps[i++ % steps.size()];
        queue.push(event);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(agenda_by_event_queue)->Arg(17)->Arg(320)->Arg(2000);

}  // namespace
}  // namespace hvlab::sim
