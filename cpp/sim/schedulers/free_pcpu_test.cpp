// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/free_pcpu.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"
#include "sim/schedulers/vcpu_queue.h"

namespace hvlab::sim::testing {
namespace {

// Where the one vCPU of the VM number `vm` runs (its number is that of the VM).
PcpuId where(const FakeHost& host, VmId vm) {
    return host.vcpus()[static_cast<std::size_t>(vm)].pcpu;
}

class Placing : public ::testing::TestWithParam<const SchedulerKind*> {};

TEST_P(Placing, AnIdleCoreBeforeAnIdleSibling) {
    FakeHost host(host_shape(4, 2), std::vector<FakeVm>(4), make_scheduler(*GetParam()));
    host.run_until(kMillisecond);
    std::vector<int> vcpus_of_core(4);
    for (VmId vm = 0; vm < 4; ++vm) {
        ++vcpus_of_core[static_cast<std::size_t>(host.topology().core(where(host, vm)))];
    }
    EXPECT_EQ(vcpus_of_core, std::vector<int>(4, 1));
}

TEST_P(Placing, TheVmsNodeBeforeAnother) {
    FakeHost host(host_shape(2, 1, 2), {{.home = 1}, {.home = 0}, {.home = 1}, {.home = 0}},
                  make_scheduler(*GetParam()));
    host.run_until(kMillisecond);
    for (VmId vm = 0; vm < 4; ++vm) {
        EXPECT_EQ(host.topology().node(where(host, vm)), vm % 2 == 0 ? 1 : 0) << vm;
    }
}

INSTANTIATE_TEST_SUITE_P(Mine, Placing, ::testing::Values(&kEevdf, &kRoundRobin),
                         [](const auto& kind) {
                             return std::string(kind.param == &kEevdf ? "eevdf" : "round_robin");
                         });

TEST(FreePcpu, AWholeCoreElsewhereIsBetterThanHalfOfOneAtHome) {
    // VM 0 and VM 1 fill a thread of each core of node 0.
    FakeHost host(host_shape(2, 2, 2), {{.pcpus = {0}}, {.pcpus = {2}}, {.home = 0}},
                  make_scheduler(kRoundRobin));
    host.run_until(kMillisecond);
    EXPECT_EQ(where(host, 2), 4);
}

TEST(FreePcpu, LooksAtFreeAndAllowedOnesOnly) {
    FakeHost host(host_shape(4), {{.pcpus = {0}}, {.pcpus = {0, 1}}, {.pcpus = {3}}},
                  make_scheduler(kRoundRobin));
    host.run_until(kMillisecond);
    EXPECT_EQ(where(host, 1), 1);
    EXPECT_EQ(best_free_pcpu(host, 0), kNone);
    EXPECT_EQ(best_free_pcpu_if(host, 2, [](PcpuId) { return true; }), kNone);
    FakeHost other(host_shape(4), {{.pcpus = {2}}, {}}, make_scheduler(kRoundRobin));
    other.run_until(kMillisecond);
    EXPECT_EQ(best_free_pcpu_if(other, 1, [](PcpuId pcpu) { return pcpu > 1; }), 3);
}

// What best_free_pcpu() is to find, said as plainly as can be.
PcpuId best_by_definition(const FakeHost& host, VcpuId vcpu, PcpuId first, PcpuId end) {
    const Topology& topology = host.topology();
    const VcpuFacts& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
    const int home = host.vms()[static_cast<std::size_t>(facts.vm)].home;
    PcpuId best = kNone;
    std::array<bool, 4> best_is = {};
    for (PcpuId pcpu = first; pcpu < end; ++pcpu) {
        if (host.free_from(pcpu) != pcpu || !host.allowed(vcpu, pcpu)) continue;
        const bool same_core =
            facts.pcpu != kNone && topology.core(facts.pcpu) == topology.core(pcpu);
        const std::array<bool, 4> is = {siblings_free(host, pcpu), topology.node(pcpu) == home,
                                        pcpu == facts.pcpu, same_core};
        if (best != kNone && is <= best_is) continue;
        best = pcpu;
        best_is = is;
    }
    return best;
}

TEST(FreePcpu, IsTheBestThatThereIs) {
    const Script bursts = [](int vcpu, int burst) {
        return Burst{.idle = (vcpu * 5 + burst * 7) % 11 * kMillisecond + 1,
                     .busy = (vcpu * 3 + burst * 5) % 13 * kMillisecond + 1};
    };
    int looked = 0;
    for (const int threads : {1, 2}) {
        std::vector<FakeVm> vms;
        vms.reserve(9);
        for (int i = 0; i < 8; ++i) vms.push_back({.vcpus = 2, .home = i % 4, .script = bursts});
        vms.push_back({.vcpus = 3, .pcpus = {1, 3, 6, 7}, .home = 1, .script = bursts});
        FakeHost host(host_shape(4, threads, 2, 2), vms, make_scheduler(kRoundRobin));
        const PcpuId pcpus = host.topology().pcpus();
        host.on_instant([&](const FakeHost& is) {
            for (VcpuId vcpu = 0; vcpu < 19; ++vcpu) {
                for (const auto& [first, end] :
                     {std::pair(0, pcpus), std::pair(0, pcpus / 2), std::pair(3, pcpus - 2)}) {
                    const PcpuId best = best_by_definition(is, vcpu, first, end);
                    ASSERT_EQ(best_free_pcpu(is, vcpu, first, end), best) << vcpu;
                    looked += best != kNone ? 1 : 0;
                }
            }
        });
        host.run_until(kSecond);
    }
    EXPECT_GT(looked, 10'000);
}

TEST(VcpuQueue, FirstComeFirstServed) {
    VcpuQueue queue(4);
    EXPECT_TRUE(queue.empty());
    queue.push_back(2);
    queue.push_back(0);
    queue.push_front(3);
    queue.push_back(1);
    queue.remove(0);
    EXPECT_FALSE(queue.has(0));
    std::vector<VcpuId> order;
    for (VcpuId vcpu = queue.front(); vcpu != kNone; vcpu = queue.next(vcpu)) {
        order.push_back(vcpu);
    }
    EXPECT_EQ(order, (std::vector<VcpuId>{3, 2, 1}));

    StateWriter writer;
    queue.save(writer);
    VcpuQueue loaded(4);
    StateReader reader(writer.bytes());
    loaded.load(reader);
    EXPECT_EQ(loaded.front(), 3);
    EXPECT_EQ(loaded.size(), 3U);
    queue.remove(3);
    queue.remove(1);
    queue.remove(2);
    EXPECT_TRUE(queue.empty());
}

TEST(VcpuQueue, RefusesTheSameVcpuTwice) {
    StateWriter writer;
    writer.put(std::uint32_t{2});
    writer.put(VcpuId{1});
    writer.put(VcpuId{1});
    VcpuQueue queue(4);
    StateReader reader(writer.bytes());
    EXPECT_THROW(queue.load(reader), StateError);
}

}  // namespace
}  // namespace hvlab::sim::testing
