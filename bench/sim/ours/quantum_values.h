// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "sim/model/parameters.h"

namespace bench_sim {

// A scheduler's parameters: slices of 1 ms, the rest as preset. credit2 cuts its own: of its rate
// limit, where all vCPUs are alike.
inline hvlab::sim::Values quantum_values(std::string_view scheduler) {
    using namespace hvlab::sim;
    Values values;
    const bool by_quantum = scheduler == "esx" || scheduler == "hyperv";
    values.set(by_quantum ? "quantum" : "slice", std::int64_t{kMillisecond});
    if (scheduler == "credit2") {
        values.set("runqueue", std::string("socket"));
        values.set("ratelimit", std::int64_t{kMillisecond});
        values.set("migrate_resist", std::int64_t{500 * kMicrosecond});
    } else if (scheduler == "eevdf") {
        values.set("balance", std::int64_t{10 * kMillisecond});
        values.set("preempt", true);
    } else if (scheduler == "esx") {
        values.set("skew", std::int64_t{3 * kMillisecond});
        values.set("costart", std::int64_t{2 * kMillisecond});
        values.set("check", std::int64_t{kMillisecond});
        values.set("ratelimit", std::int64_t{kMillisecond});
    } else if (scheduler == "gang") {
        values.set("alternate", true);
    } else if (scheduler == "hyperv") {
        values.set("type", std::string("classic"));
    }
    return values;
}

}  // namespace bench_sim
