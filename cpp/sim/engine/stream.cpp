// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/stream.h"

#include <array>
#include <cmath>

namespace hvlab::sim {
namespace {

using Coefficients = std::array<double, 8>;  // the highest power first

double ratio(const Coefficients& above, const Coefficients& below, double r) {
    double numerator = above[0];
    double denominator = below[0];
    for (std::size_t i = 1; i < above.size(); ++i) {
        numerator = numerator * r + above[i];
        denominator = denominator * r + below[i];
    }
    return numerator / denominator;
}

// Wichura: Algorithm AS 241, The Percentage Points of the Normal Distribution, Applied Statistics
// 37(3), 1988: PPND16, about 1 part in 10^16.
constexpr Coefficients kCentreAbove = {
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080};
constexpr Coefficients kCentreBelow = {
    5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
    5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0};
constexpr Coefficients kTailAbove = {7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                     0.241780725177450611770,   1.27045825245236838258,
                                     3.64784832476320460504,    5.76949722146069140550,
                                     4.63033784615654529590,    1.42343711074968357734};
constexpr Coefficients kTailBelow = {1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                     1.51986665636164571966e-2, 0.148103976427480074590,
                                     0.689767334985100004550,   1.67638483018380384940,
                                     2.05319162663775882187,    1.0};
constexpr Coefficients kFarAbove = {2.01033439929228813265e-7, 2.71155556874348757815e-5,
                                    1.24266094738807843860e-3, 2.65321895265761230930e-2,
                                    0.296560571828504891230,   1.78482653991729133580,
                                    5.46378491116411436990,    6.65790464350110377720};
constexpr Coefficients kFarBelow = {2.04426310338993978564e-15, 1.42151175831644588870e-7,
                                    1.84631831751005468180e-5,  7.86869131145613259100e-4,
                                    1.48753612908506148525e-2,  0.136929880922735805310,
                                    0.599832206555887937690,    1.0};

}  // namespace

double Stream::normal() {
    const double p = uniform();
    const double q = p - 0.5;
    if (std::abs(q) <= 0.425) return q * ratio(kCentreAbove, kCentreBelow, 0.180625 - q * q);
    const double r = std::sqrt(-logarithm(q < 0 ? p : 1 - p));
    const double size =
        r <= 5 ? ratio(kTailAbove, kTailBelow, r - 1.6) : ratio(kFarAbove, kFarBelow, r - 5);
    return q < 0 ? -size : size;
}

}  // namespace hvlab::sim
