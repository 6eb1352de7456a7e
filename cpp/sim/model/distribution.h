// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/engine/stream.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// Of durations, in nanoseconds. Every draw is at least 1 ns and at most kLongest.
struct Distribution {
    enum class Shape : std::uint8_t {
        kConstant,     // a
        kExponential,  // mean a
        kUniform,      // from a to b
        kLogNormal,    // mean a, coefficient of variation b
        kPareto,  // mean a, tail index b > 1 (Lomax shifted to start at its scale: Pareto type I)
        kErlang,  // mean a, b phases
        kHyperexponential,  // mean a, coefficient of variation b >= 1 (two phases, balanced means)
    };
    static constexpr Duration kLongest = 1'000'000 * kSecond;
    static constexpr int kMostPhases = 1000;

    Shape shape = Shape::kConstant;
    double a = 0;
    double b = 0;

    // Takes as many numbers from the stream whatever they are: none (constant), a number for each
    // phase (Erlang), two (hyperexponential), otherwise one.
    Duration draw(Stream& stream) const;
    double mean() const;      // nanoseconds
    double variance() const;  // nanoseconds squared; infinite for Pareto with b <= 2
    // What is wrong with a and b, in words for users; empty if nothing is.
    std::string problem() const;
};

}  // namespace hvlab::sim
