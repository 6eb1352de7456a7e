// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/elementary.h"

#include <bit>
#include <cstdint>

namespace hvlab::sim {

// x = k log 2 + r with |r| <= log(2) / 2 (log 2 in two parts: Cody and Waite, Software Manual for
// the Elementary Functions, 1980), and the Taylor series of e^r to the 14th power.
double exponential_of(double x) {
    constexpr double kLog2High = 0x1.62e42feep-1;  // k times this is exact
    constexpr double kLog2Low = 0x1.a39ef35793c76p-33;
    constexpr double kPerLog2 = 0x1.71547652b82fep+0;
    if (x < -700) return 0;
    if (x > 700) x = 700;
    const auto k = static_cast<std::int64_t>(x * kPerLog2 + (x < 0 ? -0.5 : 0.5));
    const double turns = static_cast<double>(k);
    const double r = (x - turns * kLog2High) - turns * kLog2Low;
    double sum = 1;
    for (int i = 14; i > 0; --i) sum = 1 + sum * r / i;
    return sum * std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

// Brought to a quarter of a turn, then by the Taylor series to the 19th power.
double sine_of_turns(double turns) {
    constexpr double kRadians = 0x1.921fb54442d18p+2;  // a turn
    turns -= static_cast<double>(static_cast<std::int64_t>(turns));
    if (turns > 0.5) turns -= 1;
    if (turns < -0.5) turns += 1;
    if (turns > 0.25) turns = 0.5 - turns;
    if (turns < -0.25) turns = -0.5 - turns;
    const double x = turns * kRadians;
    double sum = 1;
    for (int i = 18; i > 0; i -= 2) sum = 1 - sum * x * x / (i * (i + 1));
    return sum * x;
}

}  // namespace hvlab::sim
