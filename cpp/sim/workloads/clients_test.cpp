// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/clients.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

using Shape = Distribution::Shape;

std::unique_ptr<Workload> clients(std::int64_t count, Distribution think, Distribution service,
                                  std::int64_t requests = 0) {
    Values values;
    if (requests > 0) values.set("requests", requests);
    values.set("clients", count);
    values.set("think", think);
    values.set("service", service);
    return make_workload("closed", values);
}

TEST(Clients, WaitForTheirTurn) {
    const auto workload = clients(3, {Shape::kConstant, 1000}, {Shape::kConstant, 300});
    FakeGuest guest(*workload, 1);
    guest.run(999);
    EXPECT_TRUE(guest.arrivals().empty() && guest.idles(0));
    guest.run(1000);
    EXPECT_EQ(guest.arrivals(), std::vector<Time>(3, 1000));
    EXPECT_EQ(guest.open_requests(), std::vector<Time>(3, 1000));
    guest.run(1900);
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{300, 600, 900}));
    EXPECT_TRUE(guest.idles(0));
    guest.run(2300);  // each thinks from its own response on
    EXPECT_EQ(guest.arrivals(), (std::vector<Time>{1000, 1000, 1000, 2300}));
    guest.run(10'000);
    EXPECT_EQ(guest.latencies().back(), 300);
    guest.expect_little();
}

TEST(Clients, TakeTheVcpusThatAreIdle) {
    const auto workload = clients(5, {Shape::kConstant, 1000}, {Shape::kConstant, 300});
    FakeGuest guest(*workload, 2);
    guest.run(1000);
    EXPECT_TRUE(guest.computes(0) && guest.computes(1));
    guest.run(1900);
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{300, 300, 600, 600, 900}));
    guest.expect_little();
}

TEST(Clients, FewerThanVcpusLeaveSomeIdle) {
    const auto workload = clients(2, {Shape::kConstant, 1000}, {Shape::kConstant, 300});
    FakeGuest guest(*workload, 4);
    guest.run(1000);
    EXPECT_TRUE(guest.computes(0) && guest.computes(1) && guest.idles(2) && guest.idles(3));
    guest.run(100'000);
    EXPECT_EQ(guest.latencies(), std::vector<Duration>(guest.latencies().size(), 300));
    guest.expect_little();
}

TEST(Clients, LeaveAfterTheirRequests) {
    const auto workload = clients(7, {Shape::kExponential, 1e5}, {Shape::kExponential, 1e6}, 10);
    FakeGuest guest(*workload, 2);
    guest.run(kSecond);
    EXPECT_EQ(guest.latencies().size(), 70u);
    EXPECT_EQ(guest.arrivals().size(), 70u);
    EXPECT_TRUE(guest.open_requests().empty());
    EXPECT_TRUE(guest.idles(0) && guest.idles(1));
    guest.expect_little();
}

TEST(Clients, AreServedInTheOrderOfTheirRequests) {
    const auto workload = clients(9, {Shape::kExponential, 1e6}, {Shape::kExponential, 3e5});
    FakeGuest guest(*workload, 1, 3);
    std::vector<Time> left;
    guest.after_event = [&](FakeGuest& at) {
        if (at.latencies().size() > left.size()) left.push_back(at.now());
    };
    guest.run(kSecond);
    ASSERT_GT(left.size(), 1000u);
    ASSERT_EQ(left.size(), guest.latencies().size());
    for (std::size_t i = 0; i < left.size(); ++i) {
        ASSERT_EQ(left[i] - guest.arrivals()[i], guest.latencies()[i]) << i;
    }
}

// Mean response of M/M/c//N (Kleinrock: Queueing Systems, vol. 1, s. 3.8), think and service of
// mean 1.
double repairman(int clients, int servers) {
    double weight = 1;
    double present = 0;
    double asked = clients;
    for (int n = 1; n <= clients; ++n) {
        weight *= static_cast<double>(clients - n + 1) / std::min(n, servers);
        present += n * weight;
        asked += (clients - n) * weight;
    }
    return present / asked;
}

TEST(Clients, RespondAsTheMachineRepairman) {
    EXPECT_DOUBLE_EQ(repairman(1, 1), 1);
    for (const auto& [count, vcpus] : {std::pair{1, 1}, {4, 1}, {10, 3}, {40, 8}}) {
        const auto workload =
            clients(count, {Shape::kExponential, 1e6}, {Shape::kExponential, 1e6});
        FakeGuest guest(*workload, vcpus, 11);
        guest.run(200 * kSecond);
        const double expected = 1e6 * repairman(count, vcpus);
        EXPECT_NEAR(guest.mean_latency(), expected, 0.02 * expected) << count << " on " << vcpus;
        guest.expect_little();
    }
}

// What a client draws does not depend on how the others get on.
TEST(Clients, EachHasItsOwnNumbers) {
    const auto drawn = [](int vcpus) {
        const auto workload = clients(6, {Shape::kExponential, 1e6}, {Shape::kConstant, 1000});
        FakeGuest guest(*workload, vcpus, 9);
        guest.run(300'000);
        return guest.arrivals();
    };
    const std::vector<Time> first = drawn(1);
    ASSERT_GE(first.size(), 1u);
    EXPECT_EQ(first, drawn(6));
}

// A checkpoint that somebody made by hand.
TEST(Clients, AStateThatCannotBeIsRefused) {
    struct State {
        std::int64_t thinking;
        std::int32_t first;
        std::int32_t last;
        struct {
            Time at;
            std::uint64_t drawn;
            std::int64_t made;
            std::int32_t next;
            std::int32_t unused;
        } clients[3];
        std::int32_t heap[3];
        std::int32_t served[1];
    };
    const auto workload = clients(3, {Shape::kConstant, 1000}, {Shape::kConstant, 300});
    const auto refused = [&](Time at, const auto& damage) {
        FakeGuest guest(*workload, 1);
        guest.run(at);
        damage(guest.state<State>());
        EXPECT_THROW(
            {
                guest.open_requests();
                guest.run(10'000);
            },
            StateError);
    };
    for (const std::int32_t wrong : {-1, 4, 1 << 30}) {
        refused(10, [&](State& state) { state.thinking = wrong; });
        refused(10, [&](State& state) { state.heap[0] = wrong; });
        refused(1000, [&](State& state) { state.first = wrong; });
        refused(1000, [&](State& state) { state.clients[1].next = wrong; });
        refused(1000, [&](State& state) { state.served[0] = wrong; });
    }
    refused(10, [&](State& state) { state.heap[0] = 0; });
    refused(1000, [&](State& state) { state.served[0] = 0; });
    refused(1000, [&](State& state) { state.clients[2].next = 2; });  // waits behind itself
}

TEST(Clients, TheLargestNumber) {
    const auto workload =
        clients(kMostClients, {Shape::kExponential, 1e9}, {Shape::kConstant, 1e3});
    FakeGuest guest(*workload, 1);
    guest.run(2 * kMillisecond);
    EXPECT_GT(guest.arrivals().size(), 90u);
    guest.expect_little();
    EXPECT_EQ(workload->state_size(1), 16 + 36 * 65536u + 8);
}

TEST(Clients, StateIsThirtySixBytesAClient) {
    const auto workload = clients(10, {Shape::kConstant, 1}, {Shape::kConstant, 1});
    EXPECT_EQ(workload->state_size(2), 16 + 10 * 36 + 2 * 4u);
}

}  // namespace
}  // namespace hvlab::sim
