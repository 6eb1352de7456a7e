// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "sim/engine/stream.h"
#include "sim/model/samples.h"

namespace hvlab::sim {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;

std::vector<double> divide(const std::vector<Claim>& claims, double capacity) {
    std::vector<double> result(claims.size());
    Shares(claims.size()).divide(claims, capacity, result);
    return result;
}

TEST(SharesTest, AllAreSatisfiedIfThereIsEnough) {
    EXPECT_THAT(divide({{1, 0, 2}, {5, 0, 1}}, 4), ElementsAre(DoubleEq(2), DoubleEq(1)));
}

TEST(SharesTest, ByWeightIfThereIsNot) {
    EXPECT_THAT(divide({{1, 0, 4}, {3, 0, 4}}, 4), ElementsAre(DoubleEq(1), DoubleEq(3)));
}

TEST(SharesTest, WhatOneCantUseIsForTheOthers) {
    EXPECT_THAT(divide({{1, 0, 4}, {1, 0, 4}, {2, 0, 1}}, 4),
                ElementsAre(DoubleEq(1.5), DoubleEq(1.5), DoubleEq(1)));
}

TEST(SharesTest, ReservationsComeFirst) {
    EXPECT_THAT(divide({{1, 3, 4}, {1, 0, 4}, {1, 0, 4}}, 4),
                ElementsAre(DoubleEq(3), DoubleEq(0.5), DoubleEq(0.5)));
}

// One is held up at its reservation, another down at its limit: freezing both in one round would be
// wrong.
TEST(SharesTest, ReservationAndLimitAtOnce) {
    EXPECT_THAT(divide({{1, 2, 4}, {4, 0, 1}, {1, 0, 4}}, 4),
                ElementsAre(DoubleEq(2), DoubleEq(1), DoubleEq(1)));
}

// What makes it the weighted max-min fair division: nobody above its reservation has more of its
// weight than somebody below its wish.
TEST(SharesTest, IsMaxMinFairForAnyClaims) {
    Stream stream(42);
    for (int round = 0; round < 2000; ++round) {
        const auto count = 1 + stream.bits() % 12;
        const double capacity = 0.5 + 8 * stream.uniform();
        std::vector<Claim> claims;
        double reserved = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            Claim claim;
            claim.weight = 0.1 + 10 * stream.uniform();
            claim.most = 0.1 + 4 * stream.uniform();
            if (stream.bits() % 2 == 0) {
                claim.least = std::min({claim.most, capacity - reserved, stream.uniform()});
            }
            reserved += claim.least;
            claims.push_back(claim);
        }
        const std::vector<double> shares = divide(claims, capacity);
        double wanted = 0;
        for (const Claim& claim : claims) wanted += claim.most;
        EXPECT_THAT(std::accumulate(shares.begin(), shares.end(), 0.0),
                    DoubleNear(std::min(wanted, capacity), 1e-9));
        for (std::size_t a = 0; a < count; ++a) {
            ASSERT_GE(shares[a], claims[a].least - 1e-9);
            ASSERT_LE(shares[a], claims[a].most + 1e-9);
            if (shares[a] <= claims[a].least + 1e-9) continue;
            for (std::size_t b = 0; b < count; ++b) {
                if (shares[b] >= claims[b].most - 1e-9) continue;
                ASSERT_LE(shares[a] / claims[a].weight, shares[b] / claims[b].weight + 1e-9);
            }
        }
    }
}

TEST(SpeedsTest, ThreadsOfACoreShareIt) {
    HostGroup host = samples::host("node", 1, 2);
    host.threads = 2;
    host.smt_speed = 0.6;
    EXPECT_THAT(speeds_by_busy(host), ElementsAre(DoubleEq(1), DoubleEq(1), DoubleEq(1),
                                                  DoubleEq(2.2 / 3), DoubleEq(0.6)));
}

}  // namespace
}  // namespace hvlab::sim
