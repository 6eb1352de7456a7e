// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/elementary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace hvlab::sim {
namespace {

TEST(Elementary, ExponentialIsThatOfTheLibrary) {
    EXPECT_EQ(exponential_of(0), 1);
    for (int i = -18'800; i <= 18'800; ++i) {
        const double x = i * 0.0371;
        const double expected = std::exp(x);
        ASSERT_NEAR(exponential_of(x), expected, 1e-15 * expected) << x;
    }
}

TEST(Elementary, ExponentialOfTheFarEndsIsFinite) {
    EXPECT_EQ(exponential_of(-1e300), 0);
    EXPECT_EQ(exponential_of(1e300), exponential_of(700));
    EXPECT_TRUE(std::isfinite(exponential_of(700)));
}

TEST(Elementary, SineIsThatOfTheLibrary) {
    for (int i = -2'200; i <= 2'200; ++i) {
        const double turns = i * 0.00137;
        ASSERT_NEAR(sine_of_turns(turns), std::sin(2 * std::numbers::pi * turns), 1e-14) << turns;
    }
    EXPECT_NEAR(sine_of_turns(1e6 + 0.25), 1, 1e-12);
    EXPECT_NEAR(sine_of_turns(-0.75), 1, 1e-14);
}

}  // namespace
}  // namespace hvlab::sim
