// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/fluid_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "sim/hosts/testing/quantum_fixture.h"
#include "sim/model/samples.h"

namespace hvlab::sim {
namespace {

using ::testing::ElementsAre;

struct Told final : Recorder {
    struct Line {
        std::int64_t index;
        VmLedger sums;
    };
    void response(unsigned, std::uint32_t, Duration latency) override {
        latencies.push_back(latency);
    }
    void sample(unsigned, std::uint32_t, std::int64_t index, const VmLedger& sums) override {
        lines.push_back({index, sums});
    }
    std::vector<Duration> latencies;
    std::vector<Line> lines;
};

class FluidHostTest : public ::testing::Test {
protected:
    VmGroup& add(const Workload& workload, int vcpus = 1) {
        const auto number = static_cast<std::uint32_t>(hosted_.size());
        VmGroup& group = groups_.emplace_back(samples::vm("vm", 1, vcpus));
        hosted_.push_back({&group, &workload, 0, number, 1000 + number});
        return group;
    }
    VmGroup& busy(int vcpus = 1) { return add(busy_, vcpus); }

    std::unique_ptr<FluidHost> make() {
        return std::make_unique<FluidHost>(node_, hosted_, options_);
    }
    // The accounts of all VMs at `end`.
    std::vector<VmLedger> run(Time end) {
        if (!host_) host_ = make();
        host_->advance(end, outbox_);
        std::vector<VmLedger> result;
        for (std::size_t vm = 0; vm < hosted_.size(); ++vm) {
            result.push_back(host_->vm_ledger(vm, end));
        }
        return result;
    }
    std::vector<Duration> runs(Time end) {
        std::vector<Duration> result;
        for (const VmLedger& ledger : run(end)) result.push_back(ledger.run);
        return result;
    }
    static std::vector<std::byte> saved(const FluidHost& host) {
        StateWriter writer;
        host.save(writer);
        return writer.take();
    }

    testing::Busy busy_{kSecond};
    testing::Restless restless_{kMillisecond};
    HostGroup node_ = samples::host("node", 1, 1);
    std::deque<VmGroup> groups_;
    std::vector<HostedVm> hosted_;
    Told told_;
    HostOptions options_{.recorder = &told_};
    std::unique_ptr<FluidHost> host_;
    testing::NoOutbox outbox_;
};

TEST_F(FluidHostTest, TwoShareAPcpuEvenly) {
    busy();
    busy();
    const std::vector<VmLedger> ledgers = run(10 * kSecond);
    EXPECT_EQ(ledgers[0].run, 5 * kSecond);
    EXPECT_EQ(ledgers[0].ready, 5 * kSecond);
    EXPECT_EQ(ledgers[1].run, 5 * kSecond);
    // Each second of work took two.
    EXPECT_EQ(ledgers[0].responses, 4);  // the one that ends at the end is not before it
    EXPECT_EQ(ledgers[0].latency, 8 * kSecond);
    EXPECT_EQ(told_.latencies.front(), 2 * kSecond);
}

TEST_F(FluidHostTest, ByWeight) {
    busy().weight = 300;
    busy().weight = 100;
    EXPECT_THAT(runs(8 * kSecond), ElementsAre(6 * kSecond, 2 * kSecond));
}

TEST_F(FluidHostTest, ALimitThrottles) {
    busy().limit = 0.25;
    const VmLedger ledger = run(8 * kSecond)[0];
    EXPECT_EQ(ledger.run, 2 * kSecond);
    EXPECT_EQ(ledger.throttled, 6 * kSecond);
    EXPECT_EQ(ledger.ready, 0);
}

TEST_F(FluidHostTest, AReservationIsKept) {
    busy().reservation = 0.7;
    for (int i = 0; i < 3; ++i) busy();
    EXPECT_THAT(runs(10 * kSecond), ElementsAre(7 * kSecond, kSecond, kSecond, kSecond));
}

TEST_F(FluidHostTest, OneVcpuHasAtMostOnePcpu) {
    node_.cores = 4;
    busy();
    busy(2);
    const std::vector<VmLedger> ledgers = run(2 * kSecond);
    EXPECT_EQ(ledgers[0].run, 2 * kSecond);
    EXPECT_EQ(ledgers[1].run, 4 * kSecond);
    EXPECT_EQ(host_->host_ledger(2 * kSecond).busy, 6 * kSecond);
    EXPECT_EQ(host_->host_ledger(2 * kSecond).idle, 2 * kSecond);
}

TEST_F(FluidHostTest, BusySiblingsSlowEachOther) {
    node_.threads = 2;
    node_.smt_speed = 0.5;
    busy();
    busy();
    const VmLedger ledger = run(8 * kSecond + 1)[0];
    EXPECT_EQ(ledger.run, 8 * kSecond + 1);
    EXPECT_NEAR(static_cast<double>(ledger.lost), 4e9, 1);
    EXPECT_EQ(ledger.responses, 4);
}

TEST_F(FluidHostTest, TheVcpusOfAVmShareWhatItHas) {
    busy(2);
    const VmLedger ledger = run(4 * kSecond + 1)[0];
    EXPECT_EQ(ledger.run, 4 * kSecond + 1);
    EXPECT_EQ(ledger.ready, 4 * kSecond + 1);
    EXPECT_EQ(ledger.responses, 4);  // two each, at 2 s and at 4 s
}

TEST_F(FluidHostTest, WarmupBeginsTheAccountsAnew) {
    busy();
    busy();
    options_.warmup = 3 * kSecond;
    const VmLedger ledger = run(10 * kSecond)[0];
    EXPECT_EQ(ledger.run + ledger.ready, 7 * kSecond);
    EXPECT_EQ(ledger.responses, 3);  // at 4, 6 and 8 s
    EXPECT_EQ(ledger.latency, 6 * kSecond);
    EXPECT_EQ(ledger.sojourns, 5 * kSecond);  // the first of them is counted from 3 s on
    EXPECT_EQ(ledger.presence, 7 * kSecond);
    EXPECT_EQ(told_.latencies.size(), 6U);
}

// A response at the very end of the warm-up is of the warm-up, for ledgers and for percentiles.
TEST_F(FluidHostTest, AResponseAtTheEndOfTheWarmupCountsNowhere) {
    busy();
    options_.warmup = 2 * kSecond;
    EXPECT_EQ(run(4 * kSecond + 1)[0].responses, 2);  // at 3 s and at 4 s
    EXPECT_EQ(told_.latencies.size(), 2U);
}

TEST_F(FluidHostTest, SamplesAddUpToTheAccountsAcrossTheWarmup) {
    add(restless_, 3);
    add(restless_, 2);
    VmLedger whole;
    for (const VmLedger& ledger : run(kSecond)) sim::add(whole, ledger);

    host_.reset();
    options_.warmup = 333 * kMillisecond;
    options_.resolution = 100 * kMillisecond;
    run(kSecond + 1);
    ASSERT_EQ(told_.lines.size(), 10U);
    VmLedger sum;
    for (std::size_t i = 0; i < told_.lines.size(); ++i) {
        EXPECT_EQ(told_.lines[i].index, static_cast<std::int64_t>(i));
        EXPECT_EQ(told_.lines[i].sums.run + told_.lines[i].sums.ready + told_.lines[i].sums.idle,
                  5 * 100 * kMillisecond);
        sim::add(sum, told_.lines[i].sums);
    }
    EXPECT_NEAR(static_cast<double>(sum.run), static_cast<double>(whole.run), 10);
    EXPECT_EQ(sum.responses, whole.responses);
    EXPECT_EQ(sum.idle, whole.idle);
}

// What every run keeps, whatever its VMs do.
TEST_F(FluidHostTest, NoTimeIsLostOrMade) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        Stream stream(seed);
        const auto below = [&](std::uint64_t bound) { return stream.bits() % bound; };
        hosted_.clear();
        groups_.clear();
        host_.reset();
        node_.cores = static_cast<int>(1 + below(6));
        node_.threads = static_cast<int>(1 + below(2));
        const auto vms = 1 + below(12);
        for (std::uint64_t vm = 0; vm < vms; ++vm) {
            VmGroup& group = add(restless_, static_cast<int>(1 + below(4)));
            group.weight = static_cast<double>(1 + below(1000));
            if (below(3) == 0) group.limit = 0.1 + group.vcpus * 0.8 * stream.uniform();
            if (below(3) == 0) {
                group.reservation = std::min(
                    {group.limit.value_or(group.vcpus), node_.pcpus() / static_cast<double>(vms)});
            }
            hosted_.back().stream_key = stream.bits();
        }
        const Time end = kSecond / 2;
        Duration used = 0;
        for (std::size_t vm = 0; vm < vms; ++vm) {
            const VmLedger ledger = run(end)[vm];
            EXPECT_EQ(ledger.run + ledger.ready + ledger.throttled + ledger.idle,
                      groups_[vm].vcpus * end);
            EXPECT_GE(std::min({ledger.run, ledger.ready, ledger.throttled, ledger.idle}), 0);
            EXPECT_EQ(ledger.costop, 0);
            Duration sojourns = ledger.sojourns;
            host_->open_requests(vm, [&](Time arrived) { sojourns += end - arrived; });
            EXPECT_EQ(ledger.presence, sojourns) << "Little's law";
            used += ledger.run;
        }
        EXPECT_LE(used, node_.pcpus() * end + static_cast<Duration>(vms));
    }
}

TEST_F(FluidHostTest, SavedAndLoadedItGoesOnAsBefore) {
    for (int vm = 0; vm < 6; ++vm) add(restless_, 1 + vm % 3).weight = 100 + vm;
    options_.resolution = 7 * kMillisecond;
    options_.warmup = 40 * kMillisecond;
    node_.cores = 3;
    run(100 * kMillisecond);
    const std::vector<std::byte> middle = saved(*host_);
    run(200 * kMillisecond);
    const std::vector<std::byte> end = saved(*host_);

    const auto other = make();
    StateReader reader(middle);
    other->load(reader);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(saved(*other), middle);
    other->advance(200 * kMillisecond, outbox_);
    EXPECT_EQ(saved(*other), end);
}

TEST_F(FluidHostTest, ATruncatedStateIsRefused) {
    for (int vm = 0; vm < 3; ++vm) add(restless_, 2).weight = 100 + vm;
    run(10 * kMillisecond);
    const std::vector<std::byte> good = saved(*host_);
    for (std::size_t cut = 0; cut < good.size(); cut += 7) {
        StateReader reader(std::span<const std::byte>(good).first(cut));
        EXPECT_THROW(make()->load(reader), StateError);
    }
}

TEST_F(FluidHostTest, WindowsDoNotShow) {
    for (int vm = 0; vm < 5; ++vm) add(restless_, 2);
    node_.cores = 2;
    run(100 * kMillisecond);
    const std::vector<std::byte> whole = saved(*host_);
    host_ = make();
    for (Time end = 0; end <= 100 * kMillisecond; end += 313 * kMicrosecond) run(end);
    run(100 * kMillisecond);
    EXPECT_EQ(saved(*host_), whole);
}

}  // namespace
}  // namespace hvlab::sim
