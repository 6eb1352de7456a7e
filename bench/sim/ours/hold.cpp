// SPDX-License-Identifier: GPL-2.0-or-later
// The hold model on our event queue.
#include "bench/sim/peers/hold.h"

#include <utility>

#include "sim/engine/event_queue.h"

int main(int argc, char** argv) {
    using namespace bench_sim;
    using hvlab::sim::EventQueue;
    return program(argc, argv, {"--hold"}, [](const Options& options) {
        EventQueue queue;
        return hold(
            options, queue,
            [](EventQueue& into, std::int64_t time, std::uint32_t entity, std::uint32_t sequence) {
                into.push({.time = time, .entity = entity, .sequence = sequence});
            },
            [](EventQueue& from) {
                const hvlab::sim::Event first = from.pop();
                return std::pair(first.time, first.entity);
            });
    });
}
