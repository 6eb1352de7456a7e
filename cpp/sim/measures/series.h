// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// What a group of VMs did within one interval; times in nanoseconds, summed over its vCPUs.
struct Sample {
    Duration run = 0;
    Duration ready = 0;
    Duration costop = 0;
    Duration throttled = 0;
    Duration idle = 0;
    std::int64_t responses = 0;
    Duration latency = 0;  // of those responses, summed

    Sample& operator+=(const Sample& other);
    bool operator==(const Sample&) const = default;
};

// Sums by interval and group: [start, start + interval), the next, ... to `end`, the last one cut
// there. All memory is taken at once. Integers: parts that threads or hosts made merge to the same
// bits in any order. One thread at a time.
class Series {
public:
    // 0 <= start < end, interval > 0, groups > 0; samples() at most 2^32: HVLAB_ASSERT, whoever
    // lets users choose them asks samples() and bytes() before.
    Series(Time start, Time end, Duration interval, std::size_t groups);

    static std::uint64_t samples(Time start, Time end, Duration interval, std::size_t groups);
    static std::uint64_t bytes(Time start, Time end, Duration interval, std::size_t groups) {
        return samples(start, end, interval, groups) * sizeof(Sample);
    }

    // `interval`: its number, below intervals().
    void add(std::size_t interval, std::size_t group, const Sample& sample) {
        samples_[interval * groups_ + group] += sample;
    }

    // `other` has the same shape: HVLAB_ASSERT.
    void merge(const Series& other);

    std::size_t intervals() const { return samples_.size() / groups_; }
    std::size_t groups() const { return groups_; }
    Time begin_of(std::size_t interval) const {
        return start_ + static_cast<Time>(interval) * interval_;
    }
    Time end_of(std::size_t interval) const;
    const Sample& at(std::size_t interval, std::size_t group) const {
        return samples_[interval * groups_ + group];
    }

    void save(StateWriter& writer) const;
    // Of a series of the same shape: StateError otherwise, which leaves this one as it was.
    void load(StateReader& reader);

private:
    Time start_;
    Time end_;
    Duration interval_;
    std::size_t groups_;
    std::vector<Sample> samples_;  // by interval, then group
};

}  // namespace hvlab::sim
