// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace hvlab::sim {

// A counter-based stream of random numbers: Philox2x64-10 (Salmon, Moraes, Dror, Shaw: Parallel
// Random Numbers: As Easy as 1, 2, 3, SC 2011). What it draws depends on its key and on how many
// numbers it has drawn, on nothing else: a stream more does not shift the others, and two runs that
// differ in a policy give each entity the same numbers.
class Stream {
public:
    constexpr explicit Stream(std::uint64_t key, std::uint64_t drawn = 0)
        : key_(key), drawn_(drawn) {}

    std::uint64_t bits();
    // Uniform in (0, 1): never 0, so that its logarithm is finite.
    double uniform();
    // Exponential of mean 1.
    double exponential();
    // Normal of mean 0 and variance 1.
    double normal();

    std::uint64_t key() const { return key_; }
    std::uint64_t drawn() const { return drawn_; }

private:
    std::uint64_t key_;
    std::uint64_t drawn_;
};

}  // namespace hvlab::sim
