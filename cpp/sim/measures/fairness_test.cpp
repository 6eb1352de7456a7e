// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/fairness.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

namespace hvlab::sim {
namespace {

TEST(Jain, EqualSharesAreOne) {
    EXPECT_DOUBLE_EQ(jain(std::vector<Service>(7, {kSecond, 3})), 1);
}

TEST(Jain, OneHasEverything) {
    std::vector<Service> services(5);
    services[2].got = kSecond;
    EXPECT_DOUBLE_EQ(jain(services), 1.0 / 5);
}

// The report's own example: 20 dollars to 20 of 100 persons each.
TEST(Jain, AShareOfAllHasAll) {
    std::vector<Service> services(100);
    for (std::size_t i = 0; i < 20; ++i) services[i].got = 20;
    EXPECT_DOUBLE_EQ(jain(services), 0.2);
}

TEST(Jain, GivenShares) {
    EXPECT_DOUBLE_EQ(jain(std::vector<Service>{{1, 1}, {2, 1}, {3, 1}}), 36.0 / 42);
}

TEST(Jain, CountsByWhatOneIsEntitledTo) {
    EXPECT_DOUBLE_EQ(jain(std::vector<Service>{{3000, 1024}, {750, 256}}), 1);
    EXPECT_LT(jain(std::vector<Service>{{750, 1024}, {3000, 256}}), 0.6);
}

TEST(Jain, NobodyAndNothing) {
    EXPECT_TRUE(std::isnan(jain({})));
    EXPECT_EQ(jain(std::vector<Service>(3)), 1);
}

TEST(Jain, LongRunsDoNotOverflow) {
    EXPECT_NEAR(jain(std::vector<Service>(1000, {1'000'000 * kSecond, 1e-9})), 1, 1e-12);
}

}  // namespace
}  // namespace hvlab::sim
