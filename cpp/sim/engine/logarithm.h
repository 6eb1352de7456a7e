// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace hvlab::sim {
namespace detail {

struct LogarithmTable {
    static constexpr int kBits = 7;
    struct Entry {
        double inverse;    // of a point near the middle of the entry's interval
        double logarithm;  // of that point: -log(inverse)
    };
    std::array<Entry, 1 << kBits> entries;
};

// sqrt(1/2) as bits.
inline constexpr std::uint64_t kLogarithmStart = 0x3FE6A09E667F3BCD;

// The numbers from sqrt(1/2) to sqrt(2), in intervals of equally many numbers; 1 is one of the
// points, so that logarithms of what is close to 1 are precise.
extern const LogarithmTable kLogarithms;

}  // namespace detail

// The natural logarithm of a normal number > 0, to 5e-16 of the larger of 1 and the result. Ours
// because the system's library gives other last bits on other processors (it chooses its code by
// what they have), and a run must be the same from its seed everywhere.
inline double logarithm(double x) {
    constexpr double kLog2 = 0x1.62e42fefa39efp-1;
    const auto offset = std::bit_cast<std::uint64_t>(x) - detail::kLogarithmStart;
    const auto exponent = static_cast<std::int64_t>(offset) >> 52;
    const auto& entry =
        detail::kLogarithms.entries[(offset >> (52 - detail::LogarithmTable::kBits)) %
                                    detail::kLogarithms.entries.size()];
    const double mantissa = std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) -
                                                  (static_cast<std::uint64_t>(exponent) << 52));
    const double r = mantissa * entry.inverse - 1;  // at most 2^-7
    const double square = r * r;
    const double tail =
        (1.0 / 3 - r / 4) + square * (1.0 / 5 - r / 6) + square * square * (1.0 / 7 - r / 8);
    return static_cast<double>(exponent) * kLog2 + entry.logarithm +
           (r + square * (r * tail - 0.5));
}

}  // namespace hvlab::sim
