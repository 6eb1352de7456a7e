// SPDX-License-Identifier: GPL-2.0-or-later
// The hold model on our event queue.
#include "bench/sim/peers/hold.h"

#include <utility>

#include "sim/engine/event_queue.h"

int main(int argc, char** argv) {
    using hvlab::sim::EventQueue;
    const bench_sim::Options options = bench_sim::parse(argc, argv, {"--hold"});
    EventQueue queue;
    return bench_sim::hold(
        options, queue,
        [](EventQueue& into, std::int64_t time, std::uint32_t entity, std::uint32_t sequence) {
            into.push({.time = time, .entity = entity, .sequence = sequence});
        },
        [](EventQueue& from) {
            const hvlab::sim::Event first = from.pop();
            return std::pair(first.time, first.entity);
        });
}
