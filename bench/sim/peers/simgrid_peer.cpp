// SPDX-License-Identifier: GPL-2.0-or-later
// The model on SimGrid (s4u), an actor for each VM.
#include <memory>
#include <string>
#include <vector>

#include <simgrid/s4u.hpp>

#include "bench/sim/peers/model.h"
#include "bench/sim/peers/random.h"

namespace sg4 = simgrid::s4u;
using namespace bench_sim;

namespace {
void run_vm(Random& random, Result& result)
{
    for (unsigned burst = 0; burst < kBursts; ++burst) {
        sg4::this_actor::sleep_for(random.exponential());
        ++result.events;
        const double begin = sg4::Engine::get_clock();
        sg4::this_actor::execute(random.exponential());
        ++result.events;
        result.response_seconds += sg4::Engine::get_clock() - begin;
    }
}
}

int main(int argc, char** argv)
{
    sg4::Engine engine(&argc, argv);
    const Options options = parse(argc, argv);
    Random random(options.seed);
    Result result;
    auto* zone = sg4::create_empty_zone("zone");
    for (unsigned h = 0; h < options.hosts(); ++h) {
        auto* host = zone->create_host("host" + std::to_string(h), 1.0)->set_core_count(kCores)->seal();
        for (unsigned v = 0; v < kVmsOfHost; ++v) {
            sg4::Actor::create("vm", host, [&] { run_vm(random, result); });
        }
    }
    zone->seal();
    const Stopwatch watch;
    engine.run();
    result.seconds = watch.seconds();
    return report(options, result);
}
