// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace hvlab::sim {

// Cells whose width grows with the value: the layout of Gil Tene's HdrHistogram. Octave by octave
// 2^kHalfBits cells of equal width, the first octave twice as many, so that a cell is at most
// 2^-kHalfBits of its lower end wide. Values are cut to units of 2^kUnitBits; the last cell also
// has what is 2^kTopBits or more.
template <int kHalfBits, int kUnitBits, int kTopBits>
struct LogLinear {
    static_assert(kHalfBits >= 1 && kUnitBits >= 0 && kTopBits <= 63);
    static_assert(kUnitBits + kHalfBits < kTopBits);

    static constexpr std::size_t kCells = std::size_t{kTopBits - kUnitBits - kHalfBits + 1}
                                          << kHalfBits;

    // `value` >= 0.
    static constexpr std::size_t cell(std::int64_t value) {
        auto units = static_cast<std::uint64_t>(value);
        if constexpr (kTopBits < 63) {
            constexpr std::uint64_t kMost = (std::uint64_t{1} << kTopBits) - 1;
            if (units > kMost) units = kMost;
        }
        units >>= kUnitBits;
        constexpr std::uint64_t kFirstOctave = (std::uint64_t{2} << kHalfBits) - 1;
        const int octave = static_cast<int>(std::bit_width(units | kFirstOctave)) - 1 - kHalfBits;
        return (static_cast<std::size_t>(octave) << kHalfBits) +
               static_cast<std::size_t>(units >> octave);
    }

    // The smallest value of a cell.
    static constexpr std::int64_t low(std::size_t cell) {
        const int octave = octave_of(cell);
        const std::size_t within = cell - (static_cast<std::size_t>(octave) << kHalfBits);
        return static_cast<std::int64_t>(within << octave << kUnitBits);
    }

    // Its largest; of the last cell, the largest that is its own.
    static constexpr std::int64_t high(std::size_t cell) {
        return low(cell) + ((std::int64_t{1} << (octave_of(cell) + kUnitBits)) - 1);
    }

private:
    static constexpr int octave_of(std::size_t cell) {
        const auto half = static_cast<int>(cell >> kHalfBits);
        return half == 0 ? 0 : half - 1;
    }
};

}  // namespace hvlab::sim
