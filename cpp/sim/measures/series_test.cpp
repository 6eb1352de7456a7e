// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/series.h"

#include <gmock/gmock.h>

#include <random>

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

TEST(Series, InstantsCountInTheirInterval) {
    Series series(100, 130, 10, 2);
    for (const Time at : {99, 100, 109, 110, 129, 130}) {
        series.add(at, 1, &Sample::responses, 1);
        series.add(at, 1, &Sample::latency, 5);
    }
    EXPECT_EQ(series.at(0, 1).responses, 2);
    EXPECT_EQ(series.at(1, 1).responses, 1);
    EXPECT_EQ(series.at(2, 1).responses, 1);
    EXPECT_EQ(series.at(0, 1).latency, 10);
    EXPECT_EQ(series.at(0, 0), Sample{});
}

TEST(Series, TimeIsSpreadOverIntervals) {
    Series series(100, 135, 10, 1);
    series.spread(50, 104, 0, &Sample::run, 2);
    series.spread(108, 121, 0, &Sample::ready, 3);
    series.spread(131, 900, 0, &Sample::idle, 1);
    series.spread(120, 120, 0, &Sample::run, 7);
    series.spread(0, 100, 0, &Sample::run, 7);
    series.spread(135, 140, 0, &Sample::run, 7);
    EXPECT_EQ(series.at(0, 0).run, 8);
    EXPECT_EQ(series.at(0, 0).ready, 6);
    EXPECT_EQ(series.at(1, 0).ready, 30);
    EXPECT_EQ(series.at(2, 0).ready, 3);
    EXPECT_EQ(series.at(2, 0).run, 0);
    EXPECT_EQ(series.at(3, 0).idle, 4);
    EXPECT_EQ(series.at(3, 0).run, 0);
}

TEST(Series, NoTimeIsLostHoweverItIsCut) {
    std::mt19937_64 random(3);
    Series series(0, 10'000, 7, 1);
    Time now = 0;
    while (now < 10'000) {
        const Time next = std::min<Time>(10'000, now + static_cast<Time>(random() % 40));
        series.spread(now, next, 0, &Sample::busy, 4);
        now = next;
    }
    for (std::size_t i = 0; i < series.intervals(); ++i) {
        EXPECT_EQ(series.at(i, 0).busy, 4 * (series.end_of(i) - series.begin_of(i)));
    }
}

TEST(Series, PartsMergeToTheWhole) {
    Series whole(0, 100, 10, 2);
    Series a = whole;
    Series b = whole;
    for (Time at = 0; at < 100; ++at) {
        const auto group = static_cast<std::size_t>(at % 2);
        (at % 3 == 0 ? a : b).spread(at, at + 5, group, &Sample::throttled, at);
        whole.spread(at, at + 5, group, &Sample::throttled, at);
    }
    b.merge(a);
    for (std::size_t i = 0; i < whole.intervals(); ++i) {
        for (const std::size_t group : {0, 1}) EXPECT_EQ(b.at(i, group), whole.at(i, group));
        Sample sum = whole.at(i, 0);
        sum += whole.at(i, 1);
        EXPECT_EQ(b.population(i), sum);
        EXPECT_NE(sum.throttled, 0);
    }
}

TEST(Series, AddsWholeSamples) {
    Series series(0, 20, 10, 1);
    const Sample sample{1, 2, 3, 4, 5, 6, 7, 8};
    series.add(1, 0, sample);
    series.add(1, 0, sample);
    EXPECT_EQ(series.at(1, 0), (Sample{2, 4, 6, 8, 10, 12, 14, 16}));
    EXPECT_EQ(series.at(0, 0), Sample{});
}

TEST(Series, StateRoundTrips) {
    Series series(5, 60, 10, 3);
    series.spread(7, 55, 2, &Sample::run, 3);
    series.add(31, 1, &Sample::responses, 9);
    StateWriter writer;
    series.save(writer);
    Series loaded(5, 60, 10, 3);
    loaded.add(8, 0, &Sample::responses, 1);  // forgotten
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
