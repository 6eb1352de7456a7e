// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/series.h"

#include <gmock/gmock.h>

#include <vector>

namespace hvlab::sim {
namespace {

TEST(Series, IntervalsCoverTheSpanAndTheLastIsCut) {
    const Series series(100, 135, 10, 2);
    ASSERT_EQ(series.intervals(), 4u);
    EXPECT_EQ(series.begin_of(0), 100);
    EXPECT_EQ(series.end_of(0), 110);
    EXPECT_EQ(series.begin_of(3), 130);
    EXPECT_EQ(series.end_of(3), 135);
    EXPECT_EQ(Series(0, 30, 10, 1).intervals(), 3u);
    EXPECT_EQ(Series(0, 30, 10, 1).end_of(2), 30);
    EXPECT_EQ(Series::bytes(100, 135, 10, 2), 8 * sizeof(Sample));
}

TEST(Series, PartsMergeToTheWhole) {
    Series whole(0, 100, 10, 2);
    Series a = whole;
    Series b = whole;
    for (std::size_t interval = 0; interval < 10; ++interval) {
        for (std::size_t group = 0; group < 2; ++group) {
            const Sample sample{.throttled = static_cast<Duration>(1 + interval + 100 * group)};
            (interval % 3 == 0 ? a : b).add(interval, group, sample);
            whole.add(interval, group, sample);
        }
    }
    b.merge(a);
    for (std::size_t i = 0; i < whole.intervals(); ++i) {
        for (const std::size_t group : {0, 1}) EXPECT_EQ(b.at(i, group), whole.at(i, group));
        EXPECT_NE(whole.at(i, 1).throttled, 0);
    }
}

TEST(Series, AddsWholeSamples) {
    Series series(0, 20, 10, 1);
    const Sample sample{1, 2, 3, 4, 5, 6, 7};
    series.add(1, 0, sample);
    series.add(1, 0, sample);
    EXPECT_EQ(series.at(1, 0), (Sample{2, 4, 6, 8, 10, 12, 14}));
    EXPECT_EQ(series.at(0, 0), Sample{});
}

TEST(Series, StateRoundTrips) {
    Series series(5, 60, 10, 3);
    series.add(4, 2, {1, 2, 3, 4, 5, 6, 7});
    series.add(2, 1, {.responses = 9});
    StateWriter writer;
    series.save(writer);
    Series loaded(5, 60, 10, 3);
    loaded.add(1, 0, {.responses = 1});  // forgotten
    StateReader reader(writer.bytes());
    loaded.load(reader);
    EXPECT_TRUE(reader.at_end());
    for (std::size_t i = 0; i < series.intervals(); ++i) {
        for (std::size_t group = 0; group < 3; ++group) {
            EXPECT_EQ(loaded.at(i, group), series.at(i, group));
        }
    }
    Series other(5, 60, 10, 2);
    StateReader again(writer.bytes());
    EXPECT_THROW(other.load(again), StateError);
    StateReader cut(std::span<const std::byte>(writer.bytes()).first(writer.bytes().size() - 1));
    EXPECT_THROW(loaded.load(cut), StateError);
}

}  // namespace
}  // namespace hvlab::sim
