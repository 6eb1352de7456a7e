// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/histogram.h"

#include <cmath>

namespace hvlab::sim {

namespace {

constexpr std::string_view kTag = "histogram";
constexpr std::uint32_t kVersion = 1;

}  // namespace

template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
void BasicHistogram<kHalfBits, kUnitBits, kTopBits, Count>::merge(const BasicHistogram& other) {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        const auto room = static_cast<Count>(kFull - cells_[i]);
        cells_[i] = static_cast<Count>(cells_[i] + std::min(room, other.cells_[i]));
    }
    count_ += other.count_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
}

template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
double BasicHistogram<kHalfBits, kUnitBits, kTopBits, Count>::mean() const {
    if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(sum_) / static_cast<double>(count_);
}

template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
double BasicHistogram<kHalfBits, kUnitBits, kTopBits, Count>::quantile(double p) const {
    HVLAB_ASSERT(p >= 0 && p <= 1);
    if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
    // A product that rounding put just above a whole number means that number.
    const double wanted = std::ceil(std::nextafter(p * static_cast<double>(count_), 0.0));
    const auto least = static_cast<double>(least_);
    const auto most = static_cast<double>(most_);
    if (wanted <= 1) return least;
    if (wanted >= static_cast<double>(count_)) return most;
    double passed = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        passed += static_cast<double>(cells_[i]);
        if (passed < wanted) continue;
        const double middle =
            (static_cast<double>(Layout::low(i)) + static_cast<double>(Layout::high(i))) / 2;
        return std::clamp(middle, least, most);
    }
    return most;  // cells are full
}

// Only the cells that are not empty, each with its number.
template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
void BasicHistogram<kHalfBits, kUnitBits, kTopBits, Count>::save(StateWriter& writer) const {
    writer.begin(kTag, kVersion);
    writer.put(static_cast<std::uint32_t>(cells_.size()));
    writer.put(count_);
    writer.put(static_cast<std::uint64_t>(sum_));
    writer.put(static_cast<std::uint64_t>(sum_ >> 64));
    writer.put(least_);
    writer.put(most_);
    writer.put(static_cast<std::uint32_t>(
        cells_.size() -
        static_cast<std::size_t>(std::count(cells_.begin(), cells_.end(), Count{0}))));
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (cells_[i] == 0) continue;
        writer.put(static_cast<std::uint32_t>(i));
        writer.put(cells_[i]);
    }
}

template <int kHalfBits, int kUnitBits, int kTopBits, typename Count>
void BasicHistogram<kHalfBits, kUnitBits, kTopBits, Count>::load(StateReader& reader) {
    reader.begin(kTag, kVersion);
    constexpr auto kCells = static_cast<std::uint32_t>(Layout::kCells);
    constexpr Duration kLongest = std::numeric_limits<Duration>::max();
    reader.get_in(kCells, kCells, "histogram's cells");
    BasicHistogram loaded;
    loaded.count_ = reader.get<std::uint64_t>();
    loaded.sum_ = reader.get<std::uint64_t>();
    loaded.sum_ |= static_cast<unsigned __int128>(reader.get<std::uint64_t>()) << 64;
    loaded.least_ = reader.get_in<Duration>(0, kLongest, "histogram's least value");
    loaded.most_ = reader.get_in<Duration>(0, kLongest, "histogram's most value");
    if (loaded.count_ > 0 && loaded.least_ > loaded.most_) {
        throw StateError("histogram: its least value is above its most");
    }
    const auto used = reader.get_in<std::uint32_t>(0, kCells, "histogram's used cells");
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < used; ++i) {
        const auto cell = reader.get_in<std::uint32_t>(next, kCells - 1, "histogram's cell");
        loaded.cells_[cell] = reader.get_in<Count>(1, kFull, "count of a histogram's cell");
        next = cell + 1;
    }
    *this = loaded;
}

template class BasicHistogram<7, 0, 63, std::uint64_t>;
template class BasicHistogram<3, 10, 50, std::uint32_t>;

}  // namespace hvlab::sim
