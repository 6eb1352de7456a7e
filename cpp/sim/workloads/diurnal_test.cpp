// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/diurnal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

constexpr double kRate = 1000;
constexpr int kDays = 200;

Values values() {
    Values values;
    values.set("rate", kRate);
    values.set("service", Distribution{Shape::kConstant, 1000});
    values.set("period", kSecond);
    return values;
}

// Arrivals in eighths of a day, over what an even rate would give.
std::vector<double> eighths(const Values& parameters) {
    const auto workload = make_workload("diurnal", parameters, 4);
    FakeGuest guest(*workload, 4, 3);
    guest.run(kDays * kSecond);
    guest.expect_little();
    std::vector<double> part(8);
    for (const Time at : guest.arrivals()) {
        part[static_cast<std::size_t>(at % kSecond * 8 / kSecond)] += 8 / (kRate * kDays);
    }
    return part;
}

// Four standard deviations of such a part.
const double kTolerance = 4 * std::sqrt(2 * 8 / (kRate * kDays));

TEST(Diurnal, TheRateIsASine) {
    Values parameters = values();
    parameters.set("amplitude", 0.8);
    parameters.set("phase", 0.3);
    const std::vector<double> part = eighths(parameters);
    for (int i = 0; i < 8; ++i) {
        const auto integral = [](double turns) {
            return -std::cos(2 * std::numbers::pi * turns) / (2 * std::numbers::pi);
        };
        const double expected =
            1 + 0.8 * 8 * (integral((i + 1) / 8.0 + 0.3) - integral(i / 8.0 + 0.3));
        EXPECT_NEAR(part[static_cast<std::size_t>(i)], expected, kTolerance) << i;
    }
}

TEST(Diurnal, WithoutAmplitudeItIsEven) {
    Values parameters = values();
    parameters.set("amplitude", 0.0);
    for (const double part : eighths(parameters)) EXPECT_NEAR(part, 1, kTolerance);
}

TEST(Diurnal, TheProfileTakesThePlaceOfTheSine) {
    Values parameters = values();
    parameters.set("profile", std::vector<double>{30, 0, 50, 0});
    const std::vector<double> expected = {1.5, 1.5, 0, 0, 2.5, 2.5, 0, 0};
    const std::vector<double> part = eighths(parameters);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(part[i], expected[i], kTolerance) << i;
    EXPECT_EQ(part[2] + part[3] + part[6] + part[7], 0);
}

TEST(Diurnal, BurstsKeepTheRate) {
    Values parameters = values();
    parameters.set("burst", 4.0);
    double sum = 0;
    for (const double part : eighths(parameters)) sum += part / 8;
    EXPECT_NEAR(sum, 1, 0.03);
}

TEST(Diurnal, RefusesAProfileOfNothing) {
    for (const std::vector<double>& profile :
         {std::vector<double>{}, {0, 0}, {1, -1}, {std::nan("")}}) {
        Values parameters = values();
        parameters.set("profile", profile);
        std::string field;
        try {
            make_workload("diurnal", parameters);
        } catch (const ConfigError& error) {
            field = error.field();
        }
        EXPECT_EQ(field, "profile");
    }
}

}  // namespace
}  // namespace hvlab::sim
