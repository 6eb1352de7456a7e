// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

constexpr double kMean = 5e6;

struct Case {
    std::string name;
    Distribution distribution;
    std::function<double(double)> below;  // its cumulative distribution function
    std::uint64_t words;                  // of the stream, a draw
    bool moments = true;                  // of a tail that lets sample moments settle
};

double exponential_below(double x, double mean) {
    return 1 - std::exp(-x / mean);
}

double log_normal_below(double x, double mean, double variation) {
    const double variance = std::log1p(variation * variation);
    const double z = (std::log(x / mean) + variance / 2) / std::sqrt(variance);
    return std::erfc(-z / std::sqrt(2.0)) / 2;
}

double pareto_below(double x, double mean, double tail) {
    const double scale = mean * (tail - 1) / tail;
    return x <= scale ? 0 : 1 - std::pow(scale / x, tail);
}

double erlang_below(double x, double mean, int phases) {
    const double rate = x * phases / mean;
    double term = std::exp(-rate);
    double above = 0;
    for (int k = 0; k < phases; ++k) {
        above += term;
        term *= rate / (k + 1);
    }
    return 1 - above;
}

double hyperexponential_below(double x, double mean, double variation) {
    const double square = variation * variation;
    const double p = (1 + std::sqrt((square - 1) / (square + 1))) / 2;
    return 1 - p * std::exp(-2 * p * x / mean) - (1 - p) * std::exp(-2 * (1 - p) * x / mean);
}

std::vector<Case> cases() {
    return {
        {"exponential",
         {Shape::kExponential, kMean},
         [](double x) { return exponential_below(x, kMean); },
         1},
        {"uniform",
         {Shape::kUniform, 2e6, 8e6},
         [](double x) { return std::clamp((x - 2e6) / 6e6, 0.0, 1.0); },
         1},
        {"log_normal",
         {Shape::kLogNormal, kMean, 0.5},
         [](double x) { return log_normal_below(x, kMean, 0.5); },
         1},
        {"log_normal_wide",
         {Shape::kLogNormal, kMean, 3},
         [](double x) { return log_normal_below(x, kMean, 3); },
         1,
         false},
        {"pareto",
         {Shape::kPareto, kMean, 8},
         [](double x) { return pareto_below(x, kMean, 8); },
         1},
        {"pareto_heavy",
         {Shape::kPareto, kMean, 1.5},
         [](double x) { return pareto_below(x, kMean, 1.5); },
         1,
         false},
        {"erlang",
         {Shape::kErlang, kMean, 4},
         [](double x) { return erlang_below(x, kMean, 4); },
         4},
        {"hyperexponential",
         {Shape::kHyperexponential, kMean, 2},
         [](double x) { return hyperexponential_below(x, kMean, 2); },
         2},
        {"hyperexponential_of_variation_1",
         {Shape::kHyperexponential, kMean, 1},
         [](double x) { return exponential_below(x, kMean); },
         2},
    };
}

std::vector<double> sample(const Distribution& distribution, std::size_t size) {
    Stream stream(20261128);
    std::vector<double> draws(size);
    for (double& draw : draws) draw = static_cast<double>(distribution.draw(stream));
    return draws;
}

class DistributionTest : public testing::TestWithParam<Case> {};

// Kolmogorov's statistic; 1.95 / sqrt(n) is passed by chance once in a thousand.
TEST_P(DistributionTest, DrawsFollowTheClosedForm) {
    std::vector<double> draws = sample(GetParam().distribution, 200'000);
    std::sort(draws.begin(), draws.end());
    const auto n = static_cast<double>(draws.size());
    double distance = 0;
    for (std::size_t i = 0; i < draws.size(); ++i) {
        const double below = GetParam().below(draws[i]);
        distance = std::max(
            {distance, static_cast<double>(i + 1) / n - below, below - static_cast<double>(i) / n});
    }
    EXPECT_LT(distance, 1.95 / std::sqrt(n));
}

class MomentsTest : public testing::TestWithParam<Case> {};

TEST_P(MomentsTest, OfDrawsAreThoseStated) {
    const Distribution& distribution = GetParam().distribution;
    const std::vector<double> draws = sample(distribution, 400'000);
    const auto n = static_cast<double>(draws.size());
    double mean = 0;
    for (const double draw : draws) mean += draw / n;
    double variance = 0;
    for (const double draw : draws) variance += (draw - mean) * (draw - mean) / (n - 1);
    EXPECT_NEAR(mean, distribution.mean(), 4 * std::sqrt(distribution.variance() / n));
    EXPECT_NEAR(variance / distribution.variance(), 1, 0.04);
}

TEST_P(DistributionTest, ADrawTakesAFixedNumberOfWords) {
    Stream stream(7);
    for (int i = 1; i <= 1000; ++i) {
        GetParam().distribution.draw(stream);
        ASSERT_EQ(stream.drawn(), static_cast<std::uint64_t>(i) * GetParam().words);
    }
}

std::vector<Case> cases_with_moments() {
    std::vector<Case> kept;
    for (const Case& each : cases()) {
        if (each.moments) kept.push_back(each);
    }
    return kept;
}

INSTANTIATE_TEST_SUITE_P(Shapes, MomentsTest, testing::ValuesIn(cases_with_moments()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Shapes, DistributionTest, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(Distribution, AConstantTakesNothingFromTheStream) {
    Stream stream(1);
    const Distribution distribution{Shape::kConstant, 1234};
    EXPECT_EQ(distribution.draw(stream), 1234);
    EXPECT_EQ(stream.drawn(), 0u);
    EXPECT_EQ(distribution.mean(), 1234);
    EXPECT_EQ(distribution.variance(), 0);
}

TEST(Distribution, DrawsAreAtLeastANanosecondAndBounded) {
    Stream stream(2);
    EXPECT_EQ((Distribution{Shape::kConstant, 0}.draw(stream)), 1);
    const Distribution heavy{Shape::kPareto, 1e14, 1.001};
    for (int i = 0; i < 10'000; ++i) {
        const Duration draw = heavy.draw(stream);
        ASSERT_GE(draw, 1);
        ASSERT_LE(draw, Distribution::kLongest);
    }
}

TEST(Distribution, TheVarianceOfAHeavyTailIsInfinite) {
    EXPECT_TRUE(std::isinf(Distribution{Shape::kPareto, 1e6, 2}.variance()));
    EXPECT_TRUE(std::isfinite(Distribution{Shape::kPareto, 1e6, 2.5}.variance()));
}

TEST(Distribution, TellsWhatIsWrong) {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    for (const Case& good : cases()) EXPECT_EQ(good.distribution.problem(), "") << good.name;
    EXPECT_EQ((Distribution{Shape::kConstant, 0}.problem()), "");
    const std::vector<Distribution> bad = {
        {Shape::kConstant, -1},          {Shape::kConstant, kNan},
        {Shape::kConstant, kInfinite},   {Shape::kExponential, 0},
        {Shape::kExponential, kNan},     {Shape::kExponential, kInfinite},
        {Shape::kUniform, 3, 2},         {Shape::kUniform, -1, 2},
        {Shape::kUniform, 1, kInfinite}, {Shape::kLogNormal, 1e6, 0},
        {Shape::kLogNormal, 1e6, kNan},  {Shape::kPareto, 1e6, 1},
        {Shape::kErlang, 1e6, 0},        {Shape::kErlang, 1e6, 2.5},
        {Shape::kErlang, 1e6, 1e9},      {Shape::kHyperexponential, 1e6, 0.9},
    };
    for (const Distribution& distribution : bad) {
        EXPECT_NE(distribution.problem(), "") << static_cast<int>(distribution.shape) << " "
                                              << distribution.a << " " << distribution.b;
    }
}

}  // namespace
}  // namespace hvlab::sim
