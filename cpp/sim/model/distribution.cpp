// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/distribution.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/base/status.h"
#include "sim/engine/logarithm.h"
#include "sim/model/elementary.h"

namespace hvlab::sim {
namespace {

Duration rounded(double nanoseconds) {
    if (!(nanoseconds > 1)) return 1;
    if (nanoseconds >= static_cast<double>(Distribution::kLongest)) return Distribution::kLongest;
    const double half_up = nanoseconds + 0.5;
    return static_cast<Duration>(half_up);
}

double draw_log_normal(double mean, double variation, Stream& stream) {
    const double variance = logarithm(1 + variation * variation);
    return mean * exponential_of(std::sqrt(variance) * stream.normal() - variance / 2);
}

double draw_pareto(double mean, double tail, Stream& stream) {
    const double scale = mean * (tail - 1) / tail;
    return scale * exponential_of(stream.exponential() / tail);
}

double draw_erlang(double mean, double phases, Stream& stream) {
    double sum = 0;
    for (int i = static_cast<int>(phases); i > 0; --i) sum += stream.exponential();
    return sum * mean / phases;
}

// Of the two phases, each contributes half of the mean.
double draw_hyperexponential(double mean, double variation, Stream& stream) {
    const double square = variation * variation;
    const double probability = (1 + std::sqrt((square - 1) / (square + 1))) / 2;
    const double chosen = stream.uniform() < probability ? probability : 1 - probability;
    return stream.exponential() * mean / (2 * chosen);
}

}  // namespace

Duration Distribution::draw(Stream& stream) const {
    switch (shape) {
        case Shape::kConstant:
            return rounded(a);
        case Shape::kExponential:
            return rounded(a * stream.exponential());
        case Shape::kUniform:
            return rounded(a + (b - a) * stream.uniform());
        case Shape::kLogNormal:
            return rounded(draw_log_normal(a, b, stream));
        case Shape::kPareto:
            return rounded(draw_pareto(a, b, stream));
        case Shape::kErlang:
            return rounded(draw_erlang(a, b, stream));
        case Shape::kHyperexponential:
            return rounded(draw_hyperexponential(a, b, stream));
    }
    HVLAB_ASSERT(false);  // a shape of distribution that is none
    return 1;
}

double Distribution::mean() const {
    return shape == Shape::kUniform ? (a + b) / 2 : a;
}

double Distribution::variance() const {
    switch (shape) {
        case Shape::kConstant:
            return 0;
        case Shape::kExponential:
            return a * a;
        case Shape::kUniform:
            return (b - a) * (b - a) / 12;
        case Shape::kLogNormal:
        case Shape::kHyperexponential:
            return a * a * b * b;
        case Shape::kPareto:
            if (b <= 2) return std::numeric_limits<double>::infinity();
            return a * a / (b * (b - 2));
        case Shape::kErlang:
            return a * a / b;
    }
    HVLAB_ASSERT(false);  // a shape of distribution that is none
    return 0;
}

std::string Distribution::problem() const {
    const auto longest = static_cast<double>(kLongest);
    const auto in = [](double x, double least, double most) { return x >= least && x <= most; };
    switch (shape) {
        case Shape::kConstant:
            if (!in(a, 0, longest)) return "must be from 0 to 1000000 s";
            return {};
        case Shape::kUniform:
            if (!in(a, 0, longest) || !in(b, 0, longest)) return "ends must be from 0 to 1000000 s";
            if (a > b) return "must not end before it begins";
            return {};
        case Shape::kExponential:
        case Shape::kLogNormal:
        case Shape::kPareto:
        case Shape::kErlang:
        case Shape::kHyperexponential:
            break;
    }
    if (!in(a, 1, longest)) return "mean must be from 1 ns to 1000000 s";
    if (shape == Shape::kLogNormal && !in(b, 1e-6, 1e3)) {
        return "coefficient of variation must be from 0.000001 to 1000";
    }
    if (shape == Shape::kPareto && !in(b, 1.001, 1e6)) {
        return "tail index must be from 1.001 to 1000000 (up to 1 the mean would be infinite)";
    }
    if (shape == Shape::kErlang && (!in(b, 1, kMostPhases) || b != std::floor(b))) {
        return fmt::format("number of phases must be a whole number from 1 to {}", kMostPhases);
    }
    if (shape == Shape::kHyperexponential && !in(b, 1, 1e3)) {
        return "coefficient of variation must be from 1 to 1000 (below 1, use erlang)";
    }
    return {};
}

}  // namespace hvlab::sim
