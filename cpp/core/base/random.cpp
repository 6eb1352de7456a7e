// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/random.h"

#include "core/base/status.h"

namespace hvlab {
namespace {

// The increment and finaliser of splitmix64.
constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15;

constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// FNV-1a, 64 bit. Names are short and chosen by us; mix() spreads what it leaves close together.
constexpr std::uint64_t hash_name(std::string_view name) {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
    return hash;
}

// Keep children by name and children by index apart.
constexpr std::uint64_t kNameDomain = 0x6E616D65;
constexpr std::uint64_t kIndexDomain = 0x696E6478;

constexpr std::uint64_t derive(std::uint64_t parent, std::uint64_t domain, std::uint64_t key) {
    return mix(mix(mix(parent + kGamma) ^ domain) + kGamma + mix(key));
}

}  // namespace

Seed Seed::child(std::string_view name) const {
    return Seed(derive(value_, kNameDomain, hash_name(name)));
}

Seed Seed::child(std::uint64_t index) const {
    return Seed(derive(value_, kIndexDomain, index));
}

std::uint64_t RandomStream::next() {
    state_ += kGamma;
    return mix(state_);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
    HVLAB_ASSERT(bound > 0);
    // 2^64 mod bound values at the bottom are one too many for some remainders: draw again.
    const std::uint64_t reject_below = (0 - bound) % bound;
    for (;;) {
        const std::uint64_t value = next();
        if (value >= reject_below) return value % bound;
    }
}

}  // namespace hvlab
