// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the core's own paths cost: an access from guest to device and back, a halt, coming back from
// the engine, searching the console. `build/bench/bench/core_bench`, or `make bench`.
#include <benchmark/benchmark.h>

#include <vector>

#include "backends/unicorn/unicorn_backend.h"
#include "core/bus/timeline.h"
#include "core/machine/machine.h"
#include "core/machine/test_guest.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kBatch = 100'000;

// A machine that runs these bytes of real-mode code at 0x7C00.
class Guest {
public:
    explicit Guest(const std::vector<std::uint8_t>& code)
        : machine_(test_machine(TestImage(code)), backend_) {}

    // Retires so many instructions more.
    void run(std::uint64_t instructions) {
        machine_.run({.instructions = *machine_.instructions() + instructions});
    }
    Machine& machine() { return machine_; }

private:
    UnicornBackend backend_;
    Machine machine_;
};

// `per_round` instructions do one of what is measured.
void run_rounds(benchmark::State& state, const std::vector<std::uint8_t>& code,
                std::uint64_t per_round) {
    Guest guest(code);
    guest.run(10'000);
    for (auto _ : state) guest.run(kBatch * per_round);
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
}

void loop(benchmark::State& state) {  // 1: dec ax; jmp 1b
    run_rounds(state, {0x48, 0xEB, 0xFD}, 2);
}
BENCHMARK(loop);

void port_write(benchmark::State& state) {  // 1: out 0x80, al; jmp 1b
    run_rounds(state, {0xE6, 0x80, 0xEB, 0xFC}, 2);
}
BENCHMARK(port_write);

void port_read(benchmark::State& state) {  // 1: in al, 0x61; jmp 1b
    run_rounds(state, {0xE4, 0x61, 0xEB, 0xFC}, 2);
}
BENCHMARK(port_read);

void unclaimed_memory_read(benchmark::State& state) {
    // mov ax,0xFFFF; mov ds,ax; 1: mov al,[0x0010] (1 MiB: no memory there); jmp 1b
    run_rounds(state, {0xB8, 0xFF, 0xFF, 0x8E, 0xD8, 0xA0, 0x10, 0x00, 0xEB, 0xFB}, 2);
}
BENCHMARK(unclaimed_memory_read);

// One instruction at a time: the way into the engine and back.
void single_step(benchmark::State& state) {
    Guest guest({0x48, 0xEB, 0xFD});
    guest.run(1'000);
    for (auto _ : state) guest.run(1);
}
BENCHMARK(single_step);

void timer_arm_and_fire(benchmark::State& state) {
    Timeline timeline;
    std::vector<Timeline::TimerId> timers;
    timers.reserve(8);
    for (int i = 0; i < 8; ++i) timers.push_back(timeline.add_timer("timer", [] {}));
    Nanoseconds now = 0;
    for (auto _ : state) {
        timeline.arm(timers[static_cast<std::size_t>(now % 8)], now + 1);
        timeline.advance_to(++now);
        timeline.fire_due();
    }
}
BENCHMARK(timer_arm_and_fire);

void console_search(benchmark::State& state, const char* expression) {
    const ConsolePattern pattern = ConsolePattern::regex(expression);
    const std::string_view line =
        "[    0.304333] serial8250: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200)\n";
    Console console;
    console.await(pattern, 0);
    console.begin_search();
    Nanoseconds now = 0;
    for (auto _ : state) {
        for (const char c : line) console.append(static_cast<std::uint8_t>(c), now++);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(line.size()));
}
BENCHMARK_CAPTURE(console_search, literal, "never printed");
BENCHMARK_CAPTURE(console_search, groups, "^(?P<sum>[0-9a-f]{32}) ");

}  // namespace
}  // namespace hvlab
