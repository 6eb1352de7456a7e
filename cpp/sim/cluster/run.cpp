// SPDX-License-Identifier: GPL-2.0-or-later
#include <vector>

#include "core/base/status.h"
#include "sim/cluster/cluster.h"

namespace hvlab::sim {
namespace {

std::vector<Process*> processes_of(std::span<const std::unique_ptr<Host>> hosts) {
    std::vector<Process*> result;
    result.reserve(hosts.size());
    for (const auto& host : hosts) result.push_back(host.get());
    return result;
}

class Watch final : public Observer {
public:
    Watch(Feeding& feeding, const Feeder& feeder, const Cluster::Progress& progress,
          const Engine& engine)
        : feeding_(feeding), feeder_(feeder), progress_(progress), engine_(engine) {}

    void feed(std::span<const ProcessId> /*starved*/) override { feeding_.feed(feeder_); }
    bool window(Time end, std::uint64_t /*events*/) override {
        return !progress_ || progress_(end, engine_.events());
    }

private:
    Feeding& feeding_;
    const Feeder& feeder_;
    const Cluster::Progress& progress_;
    const Engine& engine_;
};

}  // namespace

std::unique_ptr<Engine> Cluster::make_engine() const {
    EngineOptions options;
    options.lookahead = description_.control_latency;
    options.independent = true;  // no host sends anything yet
    options.threads = static_cast<int>(options_.threads);
    if (options_.window > 0) options.longest_window = options_.window;
    // A window brings each host's state into the cache once, which is to pay for some dozen events:
    // with 10^6 VMs on 62,500 hosts, 16 events in each take a fifth more time, 8 take 1.6 times as
    // much. The window lasts 0.5 s then, and Ctrl-C waits for its end (docs/design/sim.md says
    // why).
    options.window_events = std::max<std::uint64_t>(options.window_events, 32 * hosts_.size());
    return std::make_unique<Engine>(processes_of(hosts_), options);
}

bool Cluster::run(const Progress& progress) {
    if (feeding_.needed() && !feeder_) {
        throw ConfigError("vms", "a workload is to be fed, and nobody feeds it");
    }
    Watch watch(feeding_, feeder_, progress, *engine_);
    return engine_->run(options_.until, watch);
}

Time Cluster::now() const {
    return engine_->now();
}

std::uint64_t Cluster::events() const {
    return engine_->events();
}

}  // namespace hvlab::sim
