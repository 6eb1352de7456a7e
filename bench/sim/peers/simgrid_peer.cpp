// SPDX-License-Identifier: GPL-2.0-or-later
// The model on SimGrid's s4u, an actor for each VM. Execs chained by completion callbacks, without
// actors, are 20 times slower with 10,000 VMs (SimGrid 3.32 searches a list of all that its own
// actor has started).
#include <string>

#include <simgrid/s4u.hpp>

#include "bench/sim/peers/model.h"
#include "bench/sim/peers/random.h"

namespace bench_sim {
namespace {

namespace s4u = simgrid::s4u;

class Model {
public:
    explicit Model(const Options& options) : bursts_(options.bursts), random_(options.seed) {
        s4u::NetZone* zone = s4u::create_empty_zone("cluster");  // no routes: hosts never talk
        for (std::uint32_t number = 0; number < options.hosts(); ++number) {
            s4u::Host* host =
                zone->create_host(std::to_string(number), 1.0);  // a flop is a core second
            host->set_core_count(kCores)->seal();
            for (unsigned vm = 0; vm < kVmsOfHost; ++vm) {
                s4u::Actor::create("vm", host, [this] { run_vm(); });
            }
        }
        zone->seal();
    }

    Result run(const s4u::Engine& engine) {
        const Stopwatch watch;
        engine.run();
        watch.stop(result_);
        return result_;
    }

private:
    void run_vm() {
        for (std::uint32_t burst = 0; burst < bursts_; ++burst) {
            s4u::this_actor::sleep_for(random_.exponential());
            ++result_.events;
            const double begin = s4u::Engine::get_clock();
            s4u::this_actor::execute(random_.exponential());
            ++result_.events;
            result_.response_seconds += s4u::Engine::get_clock() - begin;
        }
    }

    std::uint32_t bursts_;
    Random random_;
    Result result_;
};

}  // namespace
}  // namespace bench_sim

int main(int argc, char** argv) {
    using namespace bench_sim;
    return program(argc, argv, {}, [&](const Options& options) {
        int none = 1;  // SimGrid takes its own options out of what it is given
        const s4u::Engine engine(&none, argv);
        // Guard pages are a mapping each, of which Linux gives a process 65530; actors need less
        // than the default of 8 MiB.
        s4u::Engine::set_config("contexts/guard-size", 0);
        s4u::Engine::set_config("contexts/stack-size", 16);  // KiB
        Model model(options);
        return report(options, model.run(engine));
    });
}
