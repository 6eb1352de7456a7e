// SPDX-License-Identifier: GPL-2.0-or-later
//
// The vCPUs of one pCPU under EEVDF.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/time.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim::eevdf {

// Nanoseconds of virtual time: of service, for a vCPU of weight 1024; the heavier a vCPU, the
// slower its virtual time.
using Virtual = std::int64_t;
// 1/16 of the weights that users give.
using Weight = std::int64_t;

inline Weight weight_of(double weight) {
    return std::max<Weight>(1, std::llround(std::min(weight, 1e12) * 16));
}
inline Virtual virtual_time(Duration ran, Weight weight) {
    return static_cast<Virtual>(static_cast<__int128>(ran) * (1024 * 16) / weight);
}
// Rounded up: after it, so much virtual time has passed.
inline Duration real_time(Virtual time, Weight weight) {
    constexpr Weight kNominal = 1024 * 16;
    return static_cast<Duration>((static_cast<__int128>(time) * weight + kNominal - 1) / kNominal);
}

struct Entry {
    VcpuId vcpu = kNone;
    Weight weight = 0;
    Virtual time = 0;      // of the vCPU
    Virtual deadline = 0;  // by which it has had the service of its slice, if it begins now
};

// `ready` has no order and is searched from end to end: some vCPUs a pCPU are the rule, and for
// them that is quicker than a tree.
struct Queue {
    std::vector<Entry> ready;
    Entry current;     // the one that runs, if its vCPU is not kNone
    Time counted = 0;  // the time of `current` is right at this time

    bool busy() const { return current.vcpu != kNone; }
    std::size_t size() const { return ready.size() + (busy() ? 1 : 0); }
    Weight load() const;

    // The weighted mean of the vCPUs' times: the time at which all had the same service for their
    // weight. There must be one.
    Virtual mean() const;
    // Of those that are eligible (they had no more than their share: their time is not past the
    // mean) the one with the earliest deadline; nullptr if there is none at all.
    const Entry* first(bool with_current) const;

    void add(const Entry& entry) { ready.push_back(entry); }
    Entry take(VcpuId vcpu);  // from `ready`

    void save(StateWriter& writer) const;
    void load_state(StateReader& reader, VcpuId last_vcpu);
};

}  // namespace hvlab::sim::eevdf
