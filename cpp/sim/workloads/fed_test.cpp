// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/fed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sim/workloads/testing/examples.h"
#include "sim/workloads/testing/fake_guest.h"

namespace hvlab::sim {
namespace {

std::unique_ptr<Workload> fed(std::int64_t batch) {
    Values values;
    values.set("batch", batch);
    return make_workload("fed", values);
}

// The pairs of a VM: n, n + 1, ...
class Source {
public:
    void feed(FakeGuest& guest) {
        const std::size_t wanted = guest.workload().wanted(guest);
        std::vector<Duration> think(wanted);
        std::vector<Duration> work(wanted);
        for (std::size_t i = 0; i < wanted; ++i) {
            think[i] = 100 + next_ % 7;
            work[i] = 50 + next_++ % 11;
        }
        guest.feed(think, work);
    }

private:
    Duration next_ = 0;
};

void run(FakeGuest& guest, Source& source, Time end) {
    guest.run(end);
    while (guest.starved()) {
        source.feed(guest);
        guest.run(end);
    }
}

TEST(Fed, StarvesAtTheStart) {
    const auto workload = fed(3);
    FakeGuest guest(*workload, 2);
    guest.run(kSecond);
    EXPECT_TRUE(guest.starved());
    EXPECT_EQ(guest.now(), 0);
    EXPECT_EQ(workload->wanted(guest), 3u);
}

TEST(Fed, TakesThePairsInTheirOrder) {
    const auto workload = fed(2);
    FakeGuest guest(*workload, 1);
    guest.run(kSecond);
    guest.feed({100, 200}, {10, 20});
    guest.run(kSecond);
    EXPECT_TRUE(guest.starved());
    EXPECT_EQ(guest.now(), 110);  // the second pair was the last: it starves before it has to wait
    guest.feed({0, 300}, {1, 30});
    guest.run(329);
    EXPECT_EQ(guest.arrivals(), (std::vector<Time>{100, 310}));
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{10}));
    guest.run(330);  // the third thinks for no time at all
    EXPECT_EQ(guest.arrivals(), (std::vector<Time>{100, 310, 330}));
    EXPECT_EQ(guest.latencies(), (std::vector<Duration>{10, 20}));
    guest.expect_little();
}

TEST(Fed, DoesTheSameWhateverTheBatch) {
    std::vector<Time> arrivals;
    for (const std::int64_t batch : {1, 2, 3, 32, 1000}) {
        const auto workload = fed(batch);
        FakeGuest guest(*workload, 5);
        Source source;
        run(guest, source, kMillisecond);
        EXPECT_EQ(guest.now(), kMillisecond);
        guest.expect_little();
        if (batch == 1) arrivals = guest.arrivals();
        EXPECT_EQ(guest.arrivals(), arrivals) << batch;
    }
    EXPECT_GT(arrivals.size(), 30'000u);
}

// The owner may give to a VM that is not starved, if it wants.
TEST(Fed, DoesTheSameWheneverItIsFed) {
    const auto workload = fed(8);
    FakeGuest plain(*workload, 3);
    Source plain_source;
    run(plain, plain_source, kMillisecond);
    FakeGuest early(*workload, 3);
    Source early_source;
    int given = 0;
    for (Time end = 0; end <= kMillisecond; end += 500) {
        run(early, early_source, end);
        if (workload->wanted(early) == 0) continue;
        early_source.feed(early);
        ++given;
    }
    EXPECT_GT(given, 1000);
    EXPECT_EQ(plain.arrivals(), early.arrivals());
    EXPECT_EQ(plain.latencies(), early.latencies());
}

TEST(Fed, KnowsHowManyItWasGiven) {
    const auto workload = fed(4);
    FakeGuest guest(*workload, 2);
    guest.run(0);
    EXPECT_EQ(workload->given(guest), 0u);
    Source source;
    for (std::uint64_t batches = 1; batches < 10; ++batches) {
        source.feed(guest);
        EXPECT_EQ(workload->given(guest), 4 * batches);
        run(guest, source, 0);
        while (workload->wanted(guest) == 0) guest.run(guest.now() + 50);
    }
}

TEST(Fed, WantsNoMoreThanItHasRoomFor) {
    const auto workload = fed(4);
    FakeGuest guest(*workload, 1);
    guest.run(0);
    guest.feed({1, 1, 1, 1}, {1, 1, 1, 1});  // one is taken at once
    ASSERT_EQ(workload->wanted(guest), 4u);
    guest.feed({1, 1, 1, 1}, {1, 1, 1, 1});
    EXPECT_EQ(workload->wanted(guest), 0u);
}

std::string complaint(std::vector<Duration> think, std::vector<Duration> work) {
    const std::vector<std::uint32_t> vms = {7, 9};
    try {
        check_batches(vms, 2, think, work);
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.field(), "workload");
        return error.what();
    }
    return "";
}

TEST(Fed, NonsenseIsToldWithItsVm) {
    using testing::HasSubstr;
    EXPECT_EQ(complaint({0, 1, 2, 3}, {1, 1, 1, Distribution::kLongest}), "");
    EXPECT_THAT(complaint({0, 1, 2, -1}, {1, 1, 1, 1}),
                HasSubstr("think time number 1 for VM 9 is not from 0 ns"));
    EXPECT_THAT(complaint({0, 1, 2, 3}, {1, 0, 1, 1}),
                HasSubstr("work time number 1 for VM 7 is not from 1 ns"));
    EXPECT_THAT(complaint({0, 1, Distribution::kLongest + 1, 3}, {1, 1, 1, 1}),
                HasSubstr("think time number 0 for VM 9"));
    EXPECT_THAT(complaint({0, 1, 2}, {1, 1, 1, 1}), HasSubstr("gave 3 think times for 2 VMs"));
    EXPECT_THAT(complaint({0, 1, 2, 3}, {}), HasSubstr("gave 0 work times for 2 VMs"));
}

TEST(Fed, NumbersThatAreNoDurationsAreFound) {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    const std::vector<double> values = {0, 0.4, 1.5, 1e15, 1e300, kInfinite, std::nan(""), -0.1};
    EXPECT_EQ(whole_nanoseconds(values),
              (std::vector<Duration>{0, 0, 2, Distribution::kLongest, -1, -1, -1, -1}));
}

}  // namespace
}  // namespace hvlab::sim
