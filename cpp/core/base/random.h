// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace hvlab {

// A node of the seed tree. Every consumer of randomness has its own named child, so that adding one
// does not shift what the others draw.
class Seed {
public:
    constexpr explicit Seed(std::uint64_t value) : value_(value) {}

    std::uint64_t value() const { return value_; }
    Seed child(std::string_view name) const;
    Seed child(std::uint64_t index) const;

private:
    std::uint64_t value_;
};

// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): one
// word of state, so that it can be saved with a vCPU or a device.
class RandomStream {
public:
    explicit RandomStream(Seed seed) : state_(seed.value()) {}

    std::uint64_t next();
    // Uniform in [0, bound), bound > 0, without modulo bias.
    std::uint64_t below(std::uint64_t bound);

    std::uint64_t state() const { return state_; }
    void set_state(std::uint64_t state) { state_ = state; }

private:
    std::uint64_t state_;
};

}  // namespace hvlab
