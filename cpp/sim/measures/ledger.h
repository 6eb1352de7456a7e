// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "sim/engine/time.h"

namespace hvlab::sim {

// What a VM's users noticed.
struct RequestLedger {
    std::int64_t arrivals = 0;
    std::int64_t responses = 0;
    Duration latency = 0;  // of all responses, summed
    Duration latency_most = 0;
    double latency_squares = 0;  // ns^2, summed
    Duration sojourns = 0;       // the part of all responses' latency since the warm-up ended
    Duration presence = 0;       // the integral of the number of requests in the VM, ns
};

// What one VM got, and what its users noticed, since the warm-up ended. Times are summed over its
// vCPUs, in nanoseconds, all integers: sums over VMs are exact, in whatever order they are made. At
// each instant run + ready + costop + throttled + idle = vCPUs x elapsed.
struct VmLedger : RequestLedger {
    Duration run = 0;        // on a pCPU; of that:
    Duration overhead = 0;   //   costs of switching and migration
    Duration lost = 0;       //   to slower pCPUs: busy siblings, remote memory
    Duration spun = 0;       //   busy waiting
    Duration ready = 0;      // wanted a pCPU and had none (steal time, as the guest sees it)
    Duration costop = 0;     // held back by co-scheduling
    Duration throttled = 0;  // over its limit
    Duration idle = 0;

    std::int64_t switches = 0;    // another vCPU was put on a pCPU
    std::int64_t migrations = 0;  // of these: onto another core than its last
};

struct HostLedger {
    Duration busy = 0;  // pCPU time with a vCPU on it, summed over pCPUs
    Duration idle = 0;  // without
    std::int64_t events = 0;
    std::int64_t switches = 0;
    std::int64_t migrations = 0;
};

// Adds sums (and the larger of two maxima).
void add(VmLedger& to, const VmLedger& ledger);
// later - earlier, of sums only; maxima and squares are 0.
VmLedger difference(const VmLedger& later, const VmLedger& earlier);

}  // namespace hvlab::sim
