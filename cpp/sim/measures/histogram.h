// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/base/state_io.h"
#include "core/base/status.h"
#include "sim/engine/time.h"
#include "sim/measures/log_linear.h"

namespace hvlab::sim {

// How durations are distributed: counts by cell, and count, sum, least and most exactly. Its memory
// is its size, whatever it is given. All of it is integers: parts that threads or hosts made merge
// to the same bits in any order. One thread at a time.
template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
class BasicHistogram {
public:
    using Layout = LogLinear<kHalfBits, kUnitBits, kTopBits>;

    // `value` >= 0, in nanoseconds.
    void record(Duration value) {
        HVLAB_ASSERT(value >= 0);
        Count& cell = cells_[Layout::cell(value)];
        cell = static_cast<Count>(cell + (cell != kFull));
        ++count_;
        sum_ += static_cast<std::uint64_t>(value);
        least_ = std::min(least_, value);
        most_ = std::max(most_, value);
    }

    void merge(const BasicHistogram& other);
    void clear() { *this = {}; }

    std::uint64_t count() const { return count_; }
    double mean() const;  // nanoseconds, exact but for rounding; NaN if nothing was recorded
    Duration least() const { return count_ == 0 ? 0 : least_; }
    Duration most() const { return most_; }

    // The smallest value that at least the share `p` (0..1) of all values does not exceed, in
    // nanoseconds: off by at most half a cell (kError of the value); NaN if nothing was recorded.
    double quantile(double p) const;

    // cell(low, high, count) for each cell that is not empty, by rising value; both ends are part
    // of it.
    template <typename Visitor>
    void for_each(Visitor&& visit) const {
        for (std::size_t cell = 0; cell < Layout::kCells; ++cell) {
            if (cells_[cell] != 0) {
                visit(Layout::low(cell), Layout::high(cell),
                      static_cast<std::uint64_t>(cells_[cell]));
            }
        }
    }

    void save(StateWriter& writer) const;
    // Throws StateError, and then leaves the histogram as it was.
    void load(StateReader& reader);

    // Of a quantile between 2^(kUnitBits + kHalfBits) and 2^kTopBits nanoseconds, relative.
    static constexpr double kError = 0.5 / (1 << kHalfBits);

private:
    static constexpr Count kFull = std::numeric_limits<Count>::max();  // it counts no further

    std::array<Count, Layout::kCells> cells_{};
    std::uint64_t count_ = 0;
    unsigned __int128 sum_ = 0;
    Duration least_ = std::numeric_limits<Duration>::max();
    Duration most_ = 0;
};

// All durations there are, to 0.4 % (two significant digits): 57 KiB. For the population, for
// groups and for threads.
using Histogram = BasicHistogram<7, 0, 63, std::uint64_t>;
static_assert(sizeof(Histogram) <= 58 * 1024);

// 1 us to 13 days, to 6.3 %: 1.3 kB. For each host, or for each VM where that was asked for.
using CompactHistogram = BasicHistogram<3, 10, 50, std::uint32_t>;
static_assert(sizeof(CompactHistogram) <= 1280);

extern template class BasicHistogram<7, 0, 63, std::uint64_t>;
extern template class BasicHistogram<3, 10, 50, std::uint32_t>;

}  // namespace hvlab::sim
