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

// Nanoseconds of virtual time: of service, for a vCPU of the heaviest VM of the host alone; the
// lighter a vCPU, the faster its virtual time.
using Virtual = std::int64_t;
using Weight = std::int64_t;

inline constexpr Weight kMostWeight = 1 << 27;  // of the heaviest VM
inline constexpr Weight kLeastWeight = kMostWeight / 100'000;

inline Weight weight_of(double weight, double most) {
    return std::max<Weight>(kLeastWeight, std::llround(weight / most * kMostWeight));
}

// `value` * `factor` / `divisor`, rounded towards 0; in 64 bits where these do.
inline std::int64_t scaled(std::int64_t value, std::int64_t factor, std::int64_t divisor) {
    std::int64_t product = 0;
    if (!__builtin_mul_overflow(value, factor, &product)) return product / divisor;
    return static_cast<std::int64_t>(static_cast<__int128>(value) * factor / divisor);
}

inline Virtual virtual_time(Duration ran, Weight weight) {
    return scaled(ran, kMostWeight, weight);
}
// At least as long as it takes for so much virtual time to pass.
inline Duration real_time(Virtual time, Weight weight) {
    return scaled(time, weight, kMostWeight) + 1;
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
    // Begins to count time anew: before it ends, after some 25 hours of run time of the lightest
    // VM that there may be.
    void restart_time();

    void save(StateWriter& writer) const;
    void load_state(StateReader& reader, VcpuId last_vcpu);

    // What virtual times of a checkpoint may be, from -kEarliest to kLatest: differences of two
    // have room.
    static constexpr Virtual kEarliest = Virtual{1} << 60;
    static constexpr Virtual kLatest = (Virtual{1} << 62) + (Virtual{1} << 60);
};

}  // namespace hvlab::sim::eevdf
