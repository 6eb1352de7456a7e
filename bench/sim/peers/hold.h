// SPDX-License-Identifier: GPL-2.0-or-later
// The hold model of event queues (Jones, "An Empirical Comparison of Priority-Queue and Event-Set
// Implementations", CACM 29(4), 1986): as many events stay pending, each that is popped is followed
// by one that comes an exponential time later.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/sim/peers/model.h"
#include "bench/sim/peers/random.h"

namespace bench_sim {

// `push(queue, time, entity, sequence)` takes a time in ns, and `pop(queue)` gives a pair of time
// and entity. Prints a line of JSON, with a digest of the order in which events came: one and the
// same for every queue that keeps the order (time, entity, sequence).
template <typename Queue, typename Push, typename Pop>
int hold(const Options& options, Queue& queue, Push push, Pop pop) {
    constexpr std::uint32_t kOperations = 4'000'000;
    constexpr double kMean = 1e9;  // ns
    // Drawn beforehand: the queue is what is measured. A table that stays in a cache.
    Random random(options.seed);
    std::vector<std::int64_t> increments(1 << 12);
    for (std::int64_t& increment : increments) {
        increment = static_cast<std::int64_t>(kMean * random.exponential());
    }
    std::uint32_t sequence = 0;
    for (std::uint32_t entity = 0; entity < options.hold; ++entity) {
        push(queue, static_cast<std::int64_t>(kMean * random.exponential()), entity, sequence++);
    }
    auto run = [&](std::uint32_t operations) {
        std::uint64_t digest = 0;
        for (std::uint32_t operation = 0; operation < operations; ++operation) {
            const auto [time, entity] = pop(queue);
            digest = (digest ^ static_cast<std::uint64_t>(time) ^ entity) * 0x9E3779B97F4A7C15;
            push(queue, time + increments[operation % increments.size()], entity, sequence++);
        }
        return digest;
    };
    run(options.hold);  // the increments are exponential, so the times pending are as they stay
    Result result;
    result.events = kOperations;
    const Stopwatch watch;
    const std::uint64_t digest = run(kOperations);
    watch.stop(result);
    fmt::print(
        "{{\"events\": {}, \"seconds\": {:.9g}, \"cpu_seconds\": {:.9g}, \"rate\": {:.9g}, "
        "\"digest\": \"{:016x}\"}}\n",
        result.events, result.seconds, result.cpu_seconds,
        static_cast<double>(result.events) / result.seconds, digest);
    return 0;
}

}  // namespace bench_sim
