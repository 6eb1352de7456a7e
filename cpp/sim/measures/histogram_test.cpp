// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/histogram.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <tuple>
#include <vector>

namespace hvlab::sim {
namespace {

template <typename T>
class LayoutTest : public testing::Test {};
using Layouts = testing::Types<Histogram::Layout, CompactHistogram::Layout>;
TYPED_TEST_SUITE(LayoutTest, Layouts);

TYPED_TEST(LayoutTest, CellsFollowEachOtherWithoutAGap) {
    EXPECT_EQ(TypeParam::low(0), 0);
    for (std::size_t cell = 0; cell < TypeParam::kCells; ++cell) {
        ASSERT_EQ(TypeParam::cell(TypeParam::low(cell)), cell);
        ASSERT_EQ(TypeParam::cell(TypeParam::high(cell)), cell);
        if (cell > 0) {
            ASSERT_EQ(TypeParam::low(cell), TypeParam::high(cell - 1) + 1);
        }
    }
    EXPECT_EQ(TypeParam::cell(std::numeric_limits<Duration>::max()), TypeParam::kCells - 1);
}

TEST(HistogramLayout, GivenValues) {
    EXPECT_EQ(Histogram::Layout::cell(255), 255u);
    EXPECT_EQ(Histogram::Layout::cell(256), 256u);
    EXPECT_EQ(Histogram::Layout::cell(257), 256u);
    EXPECT_EQ(Histogram::Layout::cell(258), 257u);
    EXPECT_EQ(Histogram::Layout::high(Histogram::Layout::kCells - 1),
              std::numeric_limits<Duration>::max());
}

std::vector<Duration> lognormal(std::size_t count, double spread) {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> distribution(std::log(2e6), spread);
    std::vector<Duration> values(count);
    for (Duration& value : values) value = std::llround(distribution(random));
    return values;
}

template <typename H>
void expect_quantiles_of(std::vector<Duration> values) {
    H histogram;
    for (const Duration value : values) histogram.record(value);
    std::sort(values.begin(), values.end());
    for (const double p : {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999}) {
        const auto rank =
            static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
        const auto exact = static_cast<double>(values[std::max<std::size_t>(rank, 1) - 1]);
        EXPECT_NEAR(histogram.quantile(p), exact, exact * H::kError) << p;
    }
}

TEST(Histogram, QuantilesAreThoseOfTheSortedValues) {
    expect_quantiles_of<Histogram>(lognormal(100'003, 1.0));
    expect_quantiles_of<Histogram>(lognormal(1'000, 3.0));
    expect_quantiles_of<CompactHistogram>(lognormal(100'003, 1.0));
    EXPECT_LE(Histogram::kError, 0.004);
    EXPECT_LE(CompactHistogram::kError, 0.0625);
}

TEST(Histogram, SmallValuesAreExact) {
    Histogram histogram;
    for (Duration value = 0; value < 100; ++value) histogram.record(value);
    for (int percent = 1; percent <= 100; ++percent) {
        EXPECT_EQ(histogram.quantile(percent / 100.0), percent - 1) << percent;
    }
    EXPECT_EQ(histogram.quantile(0), 0);
    EXPECT_EQ(histogram.mean(), 49.5);
}

TEST(Histogram, EndsAreExact) {
    Histogram histogram;
    histogram.record(1'000'003);
    histogram.record(7'000'001);
    histogram.record(3'000'000'000'000'007);
    EXPECT_EQ(histogram.quantile(0), 1'000'003);
    EXPECT_EQ(histogram.quantile(1), 3'000'000'000'000'007);
    EXPECT_EQ(histogram.least(), 1'000'003);
    EXPECT_EQ(histogram.most(), 3'000'000'000'000'007);
    EXPECT_DOUBLE_EQ(histogram.mean(), 3'000'000'008'000'011 / 3.0);
}

TEST(Histogram, NothingRecordedIsNotZero) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0u);
    EXPECT_TRUE(std::isnan(histogram.quantile(0.5)));
    EXPECT_TRUE(std::isnan(histogram.mean()));
}

TEST(Histogram, SumsBeyond64Bits) {
    Histogram histogram;
    for (int i = 0; i < 3; ++i) histogram.record(std::numeric_limits<Duration>::max());
    EXPECT_DOUBLE_EQ(histogram.mean(), 9223372036854775807.0);
}

template <typename H>
std::vector<std::byte> saved(const H& histogram) {
    StateWriter writer;
    histogram.save(writer);
    return writer.take();
}

TEST(Histogram, PartsMergeToTheWholeInAnyOrder) {
    Histogram whole;
    std::vector<Histogram> parts(3);
    std::size_t next = 0;
    for (const Duration value : lognormal(9'001, 2.0)) {
        whole.record(value);
        parts[next++ % 3].record(value);
    }
    Histogram forwards;
    for (const Histogram& part : parts) forwards.merge(part);
    Histogram backwards;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) backwards.merge(*part);
    EXPECT_EQ(saved(forwards), saved(whole));
    EXPECT_EQ(saved(backwards), saved(whole));
}

TEST(Histogram, AFullCellStaysFull) {
    BasicHistogram<3, 10, 50, std::uint32_t> doubled;
    doubled.record(5'000);
    for (int i = 0; i < 33; ++i) {
        const CompactHistogram copy = doubled;
        doubled.merge(copy);
    }
    EXPECT_EQ(doubled.count(), std::uint64_t{1} << 33);
    doubled.record(5'000);
    std::vector<std::uint64_t> counts;
    doubled.for_each([&](Duration, Duration, std::uint64_t count) { counts.push_back(count); });
    EXPECT_THAT(counts, testing::ElementsAre(std::numeric_limits<std::uint32_t>::max()));
}

TEST(Histogram, CellsByRisingValue) {
    Histogram histogram;
    for (const Duration value : {1'000, 3, 3, 1'001}) histogram.record(value);
    std::vector<std::tuple<Duration, Duration, std::uint64_t>> cells;
    histogram.for_each([&](Duration low, Duration high, std::uint64_t count) {
        cells.emplace_back(low, high, count);
    });
    EXPECT_THAT(cells, testing::ElementsAre(std::tuple(3, 3, 2u), std::tuple(1'000, 1'003, 2u)));
}

TEST(Histogram, ClearForgetsAll) {
    Histogram histogram;
    histogram.record(5);
    histogram.clear();
    EXPECT_EQ(saved(histogram), saved(Histogram{}));
}

TEST(Histogram, StateRoundTrips) {
    Histogram histogram;
    for (const Duration value : lognormal(5'000, 3.0)) histogram.record(value);
    const std::vector<std::byte> state = saved(histogram);
    Histogram loaded;
    loaded.record(1);  // forgotten
    StateReader reader(state);
    loaded.load(reader);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(saved(loaded), state);
    EXPECT_EQ(loaded.quantile(0.99), histogram.quantile(0.99));
}

TEST(Histogram, DamagedStateIsRefused) {
    Histogram histogram;
    for (const Duration value : {3, 3, 900}) histogram.record(value);
    const std::vector<std::byte> state = saved(histogram);
    for (std::size_t size = 0; size < state.size(); ++size) {
        StateReader reader(std::span<const std::byte>(state).first(size));
        Histogram loaded;
        EXPECT_THROW(loaded.load(reader), StateError) << size;
        EXPECT_EQ(loaded.count(), 0u);
    }
    // The last cell's number (4 bytes, then its count of 8): the one before again, and one that
    // does not exist.
    for (const std::uint32_t number : {3U, 7'296U}) {
        std::vector<std::byte> damaged = state;
        std::memcpy(&damaged[damaged.size() - 12], &number, sizeof number);
        StateReader reader(damaged);
        Histogram loaded;
        EXPECT_THROW(loaded.load(reader), StateError);
    }
}

}  // namespace
}  // namespace hvlab::sim
