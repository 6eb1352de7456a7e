// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace hvlab {

// Guest-physical address. Guest-controlled wherever it comes out of the guest.
using GuestAddress = std::uint64_t;

// Guest time since the machine's power-on, or a span of it.
using Nanoseconds = std::int64_t;

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kTiB = 1024 * kGiB;

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr unsigned kPageShift = 12;

inline constexpr Nanoseconds kMicrosecond = 1000;
inline constexpr Nanoseconds kMillisecond = 1000 * kMicrosecond;
inline constexpr Nanoseconds kSecond = 1000 * kMillisecond;

constexpr std::uint64_t page_index(GuestAddress address) {
    return address >> kPageShift;
}

constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t power_of_two) {
    return value & ~(power_of_two - 1);
}
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t power_of_two) {
    return (value + power_of_two - 1) & ~(power_of_two - 1);
}

constexpr bool is_aligned(std::uint64_t value, std::uint64_t power_of_two) {
    return (value & (power_of_two - 1)) == 0;
}

}  // namespace hvlab
