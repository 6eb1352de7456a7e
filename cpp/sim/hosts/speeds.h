// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sim/engine/time.h"
#include "sim/model/description.h"

namespace hvlab::sim {

// 1/1024 of what an undisturbed core does in a nanosecond: at a speed of s/1024, d nanoseconds do
// exactly d * s.
using Work = std::int64_t;
inline constexpr Work kWorkPerNanosecond = 1024;
// What a vCPU may be given at once: in Work it fits 63 bits with room to spare.
inline constexpr Duration kMostWork = 4'000'000 * kSecond;

// How fast a pCPU is, in 1/1024.
class Speeds {
public:
    explicit Speeds(const HostGroup& group) {
        const double factors[] = {1, group.smt_speed};
        for (int shared = 0; shared < 2; ++shared) {
            speed_[shared][0] = rounded(factors[shared]);
            speed_[shared][1] = rounded(factors[shared] * group.remote_speed);
        }
    }

    // `shared`: a sibling thread is busy. `remote`: not on the VM's NUMA node.
    int of(bool shared, bool remote) const { return speed_[shared ? 1 : 0][remote ? 1 : 0]; }

private:
    static int rounded(double factor) {
        return std::clamp(static_cast<int>(std::lround(factor * kWorkPerNanosecond)), 1,
                          static_cast<int>(kWorkPerNanosecond));
    }

    int speed_[2][2];
};

// How long `work` (> 0) takes at that speed, rounded up to whole nanoseconds.
inline Duration time_for(Work work, int speed) {
    if (speed == kWorkPerNanosecond) {
        return (work + kWorkPerNanosecond - 1) / kWorkPerNanosecond;
    }
    return (work + speed - 1) / speed;
}

}  // namespace hvlab::sim
