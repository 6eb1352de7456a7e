// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits>
#include <span>

#include "core/base/status.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// What somebody got, and what they were entitled to in any unit that all of them share (their
// weight, or the pCPUs that their weight gives them). Only those that wanted more than they got
// say something about fairness.
struct Service {
    Duration got = 0;
    double entitled = 1;  // above 0
};

// Jain's index of got / entitled: 1 if all have the same, 1/n if one of n has everything
// (Jain, Chiu, Hawe: A Quantitative Measure of Fairness and Discrimination for Resource Allocation
// in Shared Computer Systems, DEC-TR-301, 1984). 1 if nobody got anything, NaN of nobody. Sums
// doubles: give them in an order of their own (by VM), never in that of threads.
inline double jain(std::span<const Service> services) {
    if (services.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    double squares = 0;
    for (const Service& service : services) {
        HVLAB_ASSERT(service.entitled > 0);
        const double share = static_cast<double>(service.got) / service.entitled;
        sum += share;
        squares += share * share;
    }
    if (squares == 0) return 1;
    return sum * sum / (static_cast<double>(services.size()) * squares);
}

}  // namespace hvlab::sim
