// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/poisson.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

Values values(double rate, Distribution service) {
    Values values;
    values.set("rate", rate);
    values.set("service", service);
    return values;
}

// Erlang's C: the probability that a request of an M/M/c queue waits.
double erlang_c(int servers, double load) {
    double term = 1;
    double sum = 0;
    for (int k = 0; k < servers; ++k) {
        sum += term;
        term *= load / (k + 1);
    }
    term *= servers / (servers - load);
    return term / (sum + term);
}

TEST(Poisson, ArrivalsHaveTheirRateAndAreExponential) {
    const auto workload = make_workload("poisson", values(1000, {Shape::kConstant, 1}));
    FakeGuest guest(*workload, 1);
    guest.run(100 * kSecond);
    const auto n = static_cast<double>(guest.arrivals().size());
    EXPECT_NEAR(n, 1e5, 4 * std::sqrt(1e5));
    double squares = 0;
    Time before = 0;
    for (const Time at : guest.arrivals()) {
        squares += std::pow(static_cast<double>(at - before) / 1e6, 2) / n;
        before = at;
    }
    EXPECT_NEAR(squares, 2, 0.1);
}

TEST(Poisson, OneVcpuIsAnMM1Queue) {
    const auto workload = make_workload("poisson", values(700, {Shape::kExponential, 1e6}));
    FakeGuest guest(*workload, 1, 4);
    guest.run(1000 * kSecond);
    EXPECT_NEAR(guest.mean_latency() / 1e6, 1 / (1 - 0.7), 0.1);
    EXPECT_NEAR(static_cast<double>(guest.computing()) / (1000.0 * kSecond), 0.7, 0.01);
    guest.expect_little();
}

TEST(Poisson, VcpusAreTheServersOfAnMMcQueue) {
    constexpr int kServers = 4;
    constexpr double kLoad = 3.4;
    const auto workload =
        make_workload("poisson", values(3400, {Shape::kExponential, 1e6}), kServers);
    FakeGuest guest(*workload, kServers, 6);
    guest.run(300 * kSecond);
    const double response = 1 + erlang_c(kServers, kLoad) / (kServers - kLoad);
    EXPECT_NEAR(guest.mean_latency() / 1e6 / response, 1, 0.04);
    guest.expect_little();
}

// Pollaczek and Khinchine.
TEST(Poisson, GeneralServiceFirstComeFirstServed) {
    const auto workload = make_workload("poisson", values(600, {Shape::kErlang, 1e6, 4}));
    FakeGuest guest(*workload, 1, 8);
    guest.run(500 * kSecond);
    EXPECT_NEAR(guest.mean_latency() / 1e6, 1 + 0.6 * 1.25 / (2 * 0.4), 0.06);
    guest.expect_little();
}

// M/G/1 under processor sharing: the mean response depends on the mean of the service alone.
TEST(Poisson, ProcessorSharingDoesNotMindTheServicesVariance) {
    Values parameters = values(600, {Shape::kHyperexponential, 1e6, 3});
    const double waits_first_come = 1 + 0.6 * (1 + 9) / (2 * 0.4);
    {
        const auto workload = make_workload("poisson", parameters);
        FakeGuest guest(*workload, 1, 3);
        guest.run(1000 * kSecond);
        EXPECT_NEAR(guest.mean_latency() / 1e6, waits_first_come, 0.8);
    }
    parameters.set("discipline", std::string("ps"));
    parameters.set("slice", Duration{20'000});
    const auto workload = make_workload("poisson", parameters);
    FakeGuest guest(*workload, 1, 3);
    guest.run(300 * kSecond);
    EXPECT_NEAR(guest.mean_latency() / 1e6, 1 / (1 - 0.6), 0.15);
    guest.expect_little();
}

// Many vCPUs on one pCPU: the host's sharing in place of the guest's.
TEST(Poisson, VcpusThatShareAPcpuShareAmongRequests) {
    constexpr int kVcpus = 60;
    const auto workload =
        make_workload("poisson", values(600, {Shape::kHyperexponential, 1e6, 3}), kVcpus);
    FakeGuest guest(*workload, kVcpus, 3, 1.0);
    guest.run(300 * kSecond);
    EXPECT_NEAR(guest.mean_latency() / 1e6, 1 / (1 - 0.6), 0.15);
    guest.expect_little();
}

TEST(Poisson, RequestsOfABurstComeTogether) {
    Values parameters = values(1000, {Shape::kConstant, 1});
    parameters.set("burst", 5.0);
    const auto workload = make_workload("poisson", parameters);
    FakeGuest guest(*workload, 1, 2);
    guest.run(500 * kSecond);
    std::map<Time, int> sizes;
    for (const Time at : guest.arrivals()) ++sizes[at];
    const auto bursts = static_cast<double>(sizes.size());
    EXPECT_NEAR(static_cast<double>(guest.arrivals().size()), 5e5, 1e4);
    EXPECT_NEAR(bursts, 1e5, 4 * std::sqrt(1e5));
    std::map<int, double> frequency;
    for (const auto& [at, size] : sizes) frequency[size] += 1 / bursts;
    EXPECT_NEAR(frequency[1], 0.2, 0.006);
    EXPECT_NEAR(frequency[2], 0.16, 0.006);
    EXPECT_NEAR(frequency[6], 0.2 * std::pow(0.8, 5), 0.006);
    guest.expect_little();
}

// More comes than is served: the queue grows and grows, and the memory does not.
TEST(Poisson, TheQueueHasNoLimit) {
    Values parameters = values(2000, {Shape::kExponential, 1e6});
    parameters.set("burst", 3.0);
    const auto workload = make_workload("poisson", parameters, 1);
    EXPECT_LE(workload->state_size(1), 128u);
    FakeGuest guest(*workload, 1, 2);
    guest.run(50 * kSecond);
    EXPECT_GT(guest.open_requests().size(), 40'000u);
    guest.expect_little();
}

TEST(Poisson, ServiceDependsOnTheOrderOfRequestsNotOnTheMachine) {
    const auto workload = make_workload("poisson", values(500, {Shape::kExponential, 1e6}), 2);
    FakeGuest quick(*workload, 2, 5);
    FakeGuest slow(*workload, 2, 5, 0.4);
    quick.run(10 * kSecond);
    slow.run(10 * kSecond);
    EXPECT_EQ(quick.arrivals(), slow.arrivals());
}

TEST(Poisson, NoMoreWorkersThanAreAllowedShare) {
    Values parameters = values(10'000, {Shape::kConstant, 1e6});
    parameters.set("discipline", std::string("ps"));
    parameters.set("slice", Duration{1000});
    parameters.set("workers", std::int64_t{3});
    const auto workload = make_workload("poisson", parameters, 1);
    FakeGuest guest(*workload, 1, 2);
    guest.run(kSecond);
    // In turns among three: each takes about 3 ms from when it is taken in.
    EXPECT_NEAR(static_cast<double>(guest.latencies().size()), 1000, 3);
    guest.expect_little();
}

// A checkpoint that somebody made by hand.
TEST(Poisson, AStateThatCannotBeIsRefused) {
    struct State {
        std::array<std::byte, 64> cursors;  // with `waiting` and `services_drawn`
        std::int32_t ready_first;
        std::int32_t ready_last;
        std::int32_t free_first;
        std::int32_t unused;
    };
    const auto workload = make_workload("poisson", values(1000, {Shape::kConstant, 1e6}), 2);
    for (const std::int32_t wrong : {-1, 3, 1 << 30}) {
        FakeGuest guest(*workload, 2);
        guest.run(0);
        ASSERT_EQ(guest.state<State>().free_first, 1);
        guest.state<State>().free_first = wrong;
        EXPECT_THROW(guest.run(kSecond), StateError);
    }
}

}  // namespace
}  // namespace hvlab::sim
