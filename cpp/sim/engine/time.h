// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <limits>

namespace hvlab::sim {

// Nanoseconds of simulated time since the start of the run.
using Time = std::int64_t;
// Nanoseconds.
using Duration = std::int64_t;

inline constexpr Time kNever = std::numeric_limits<Time>::max();

inline constexpr Duration kMicrosecond = 1'000;
inline constexpr Duration kMillisecond = 1'000'000;
inline constexpr Duration kSecond = 1'000'000'000;

}  // namespace hvlab::sim
