// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/on_off.h"

#include <gtest/gtest.h>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

std::unique_ptr<Workload> on_off(Distribution on, Distribution off) {
    Values values;
    values.set("on", on);
    values.set("off", off);
    return make_workload("on-off", values);
}

TEST(OnOff, AllVcpusAreBusyAndIdleTogether) {
    const auto workload = on_off({Shape::kConstant, 3e6}, {Shape::kConstant, 1e6});
    FakeGuest guest(*workload, 3);
    int turns = 0;
    guest.after_event = [&](FakeGuest& at) {
        ++turns;
        EXPECT_EQ(at.computes(0), at.computes(1));
        EXPECT_EQ(at.computes(0), at.computes(2));
    };
    guest.run(4 * kSecond);
    EXPECT_NEAR(turns, 2000, 1);
    EXPECT_NEAR(static_cast<double>(guest.computing()), 3 * 3e9, 3 * 3e6);
    EXPECT_TRUE(guest.arrivals().empty());
}

TEST(OnOff, IsOnForItsPartOfTime) {
    const auto workload = on_off({Shape::kExponential, 2e6}, {Shape::kPareto, 6e6, 3});
    FakeGuest guest(*workload, 1);
    guest.run(400 * kSecond);
    EXPECT_NEAR(static_cast<double>(guest.computing()) / (400.0 * kSecond), 0.25, 0.005);
}

// On time is time, not work: what the machine does not give is lost.
TEST(OnOff, TimesDoNotDependOnWhatItGets) {
    const auto workload = on_off({Shape::kExponential, 2e6}, {Shape::kExponential, 2e6});
    FakeGuest quick(*workload, 2, 3);
    FakeGuest slow(*workload, 2, 3, 0.1);
    quick.run(kSecond);
    slow.run(kSecond);
    EXPECT_EQ(quick.computing(), slow.computing());
}

TEST(OnOff, VmsAreNotInStep) {
    const auto workload = on_off({Shape::kConstant, 1e6}, {Shape::kConstant, 3e6});
    constexpr int kVms = 2000;
    int first = 0;
    int later = 0;
    for (int seed = 1; seed <= kVms; ++seed) {
        FakeGuest guest(*workload, 1, static_cast<std::uint64_t>(seed));
        guest.run(0);
        first += guest.computes(0) ? 1 : 0;
        guest.run(1'200'000);
        later += guest.computes(0) ? 1 : 0;
    }
    EXPECT_NEAR(first, kVms / 4.0, 4 * 20);
    EXPECT_NEAR(later, kVms / 4.0, 4 * 20);
}

TEST(OnOff, LastsLongerThanOnePieceOfWork) {
    const auto workload = on_off({Shape::kConstant, 1e15}, {Shape::kConstant, 1});
    FakeGuest guest(*workload, 1);
    guest.run(3'000'000 * kSecond);
    EXPECT_NEAR(static_cast<double>(guest.computing()), 3e15, 10);
}

}  // namespace
}  // namespace hvlab::sim
