// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <utility>

#include "sim/engine/logarithm.h"

namespace hvlab::sim {

// A block of Philox2x64-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2,
// 3, SC 2011): two words from a counter of two words and a key.
constexpr std::pair<std::uint64_t, std::uint64_t> philox2x64(std::uint64_t low, std::uint64_t high,
                                                             std::uint64_t key) {
    constexpr std::uint64_t kMultiplier = 0xD2B74407B1CE6E93;
    constexpr std::uint64_t kWeyl = 0x9E3779B97F4A7C15;
    for (int round = 0; round < 10; ++round) {
        const auto product = static_cast<unsigned __int128>(kMultiplier) * low;
        low = static_cast<std::uint64_t>(product >> 64) ^ key ^ high;
        high = static_cast<std::uint64_t>(product);
        key += kWeyl;
    }
    return {low, high};
}

// A counter-based stream of random numbers. What it draws depends on its key and on how many
// numbers it has drawn, on nothing else: a stream more does not shift the others, and two runs that
// differ in a policy give each entity the same numbers. Each call below draws one number; nothing
// of them depends on the machine's mathematical library.
class Stream {
public:
    constexpr explicit Stream(std::uint64_t key, std::uint64_t drawn = 0)
        : key_(key), drawn_(drawn) {
        if (drawn % 2 != 0) second_ = philox2x64(drawn / 2, 0, key).second;
    }

    std::uint64_t bits() {
        if (drawn_++ % 2 != 0) return second_;
        const auto [first, second] = philox2x64((drawn_ - 1) / 2, 0, key_);
        second_ = second;
        return first;
    }
    // Uniform in (0, 1): never 0, so that its logarithm is finite. A multiple of 2^-53.
    double uniform() { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52; }
    // Exponential of mean 1.
    double exponential() { return -logarithm(uniform()); }
    // Normal of mean 0 and variance 1.
    double normal();

    std::uint64_t key() const { return key_; }
    std::uint64_t drawn() const { return drawn_; }

private:
    std::uint64_t key_;
    std::uint64_t drawn_;
    std::uint64_t second_ = 0;  // of the block, when `drawn_` is odd
};

}  // namespace hvlab::sim
