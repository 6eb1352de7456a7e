// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/response_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvlab::sim {
namespace {

TEST(ResponseTimes, OfEachVmAndOfTheHost) {
    ResponseTimes times(Percentiles::kVms, 3);
    for (int i = 0; i < 9; ++i) times.record(0, kMillisecond);
    times.record(2, kSecond);
    EXPECT_EQ(times.vm(0)->count(), 9u);
    EXPECT_EQ(times.vm(0)->quantile(0.99), kMillisecond);
    EXPECT_EQ(times.vm(1)->count(), 0u);
    EXPECT_EQ(times.vm(2)->most(), kSecond);
    EXPECT_EQ(times.host()->count(), 10u);
    EXPECT_EQ(times.host()->quantile(0.99), kSecond);
}

TEST(ResponseTimes, OfTheHostAlone) {
    ResponseTimes times(Percentiles::kHosts, 3);
    times.record(2, kSecond);
    times.record(0, kMillisecond);
    EXPECT_EQ(times.vm(0), nullptr);
    EXPECT_EQ(times.host()->count(), 2u);
    EXPECT_EQ(times.host()->least(), kMillisecond);
}

TEST(ResponseTimes, OfNobody) {
    ResponseTimes times(Percentiles::kGroups, 3);
    times.record(2, kSecond);
    EXPECT_EQ(times.vm(2), nullptr);
    EXPECT_FALSE(times.host());
}

TEST(ResponseTimes, WhatTheyTake) {
    EXPECT_EQ(ResponseTimes::bytes(Percentiles::kGroups, 10, 160), 0u);
    EXPECT_EQ(ResponseTimes::bytes(Percentiles::kHosts, 10, 160), 10 * sizeof(CompactHistogram));
    EXPECT_EQ(ResponseTimes::bytes(Percentiles::kVms, 10, 160), 160 * sizeof(CompactHistogram));
}

TEST(ResponseTimes, Names) {
    EXPECT_EQ(percentiles_of("groups"), Percentiles::kGroups);
    EXPECT_EQ(percentiles_of("hosts"), Percentiles::kHosts);
    EXPECT_EQ(percentiles_of("vms"), Percentiles::kVms);
    EXPECT_FALSE(percentiles_of("vm"));
}

TEST(ResponseTimes, StateRoundTripsToThoseOfTheSameShape) {
    ResponseTimes times(Percentiles::kVms, 2);
    times.record(1, 3 * kMillisecond);
    times.record(1, 5 * kMillisecond);
    StateWriter writer;
    times.save(writer);
    ResponseTimes loaded(Percentiles::kVms, 2);
    loaded.record(0, kSecond);  // forgotten
    StateReader reader(writer.bytes());
    loaded.load(reader);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(loaded.vm(0)->count(), 0u);
    EXPECT_EQ(loaded.vm(1)->quantile(1), 5 * kMillisecond);
    ResponseTimes other(Percentiles::kHosts, 2);
    StateReader again(writer.bytes());
    EXPECT_THROW(other.load(again), StateError);
}

}  // namespace
}  // namespace hvlab::sim
