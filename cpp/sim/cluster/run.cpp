// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <vector>

#include "sim/cluster/cluster.h"

namespace hvlab::sim {
namespace {

class Nobody final : public Outbox {
public:
    unsigned thread() const override { return 0; }
    void send(Time, ProcessId, Duration, std::uint32_t, std::uint32_t, std::uint64_t) override {}
};

}  // namespace

bool Cluster::run(const Progress& progress) {
    Nobody outbox;
    while (now_ < options_.until) {
        const Time end = std::min(options_.until, now_ + std::max<Time>(options_.until / 100, 1));
        for (const auto& host : hosts_) events_ += host->advance(end, outbox).events;
        now_ = end;
        if (progress && !progress(now_, events_)) break;
    }
    return complete();
}

}  // namespace hvlab::sim
