// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "sim/hosts/limit.h"
#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::Busy;
using testing::policy;
using testing::QuantumFixture;
using testing::Restless;

VmGroup limited(int vcpus, double limit) {
    VmGroup vm;
    vm.vcpus = vcpus;
    vm.limit = limit;
    return vm;
}

TEST(Limit, IsUsedUpWhenItsVcpusRanThatLong) {
    Limit limit(0.5, 100);
    EXPECT_EQ(limit.used_up(), kNever);
    limit.change_running(0, 1);
    EXPECT_EQ(limit.used_up(), 50);
    limit.change_running(10, 1);  // 40 left for two
    EXPECT_EQ(limit.used_up(), 30);
    limit.change_running(25, 1);  // 10 left for three: not to be divided
    EXPECT_EQ(limit.used_up(), 28);
    limit.change_running(28, 0);  // 1 left, too little for three
    EXPECT_EQ(limit.used_up(), 28);
    limit.throttle();
    EXPECT_EQ(limit.used_up(), kNever);
    limit.refill(100);
    limit.change_running(100, -2);
    EXPECT_EQ(limit.used_up(), 150);
}

TEST(Limit, IsNotANanosecondLessThanWritten) {
    Limit limit(0.29, kSecond);
    limit.change_running(0, 1);
    EXPECT_EQ(limit.used_up(), 290 * kMillisecond);
}

// Whatever the slice, whatever else is there: in each period, what the limit allows, less at most
// 1 ns a vCPU.
TEST(QuantumLimits, HoldInEachPeriodToTheNanosecond) {
    const Busy busy(777'777);
    for (const int vcpus : {1, 2, 3, 5}) {
        for (const double limit : {0.1, 0.333333333, 1.0, 1.7}) {
            QuantumFixture fixture(8);
            fixture.group.accounting_period = 10 * kMillisecond;
            fixture.add(busy, limited(vcpus, limit));
            for (int i = 0; i < 3; ++i) fixture.add(busy);
            fixture.run(policy("round-robin", {{"slice", 123'457}}), 0);
            Duration before = 0;
            for (Time end = 10 * kMillisecond; end <= 100 * kMillisecond;
                 end += 10 * kMillisecond) {
                fixture.run(end);
                const Duration run = fixture.vm(0).run - before;
                before += run;
                const auto allowed = static_cast<Duration>(limit * 1e7);
                if (vcpus >= limit) {
                    EXPECT_LE(run, allowed) << vcpus << " vCPUs, limit " << limit;
                    EXPECT_GT(run, allowed - vcpus) << vcpus << " vCPUs, limit " << limit;
                } else {
                    EXPECT_EQ(run, vcpus * 10 * kMillisecond);
                }
                EXPECT_EQ(fixture.vm(1).ready, 0);
            }
            fixture.expect_conservation();
        }
    }
}

TEST(QuantumLimits, AVmThatIsThrottledWakesThrottled) {
    const Restless restless(200 * kMicrosecond);
    QuantumFixture fixture(4);
    fixture.group.accounting_period = 5 * kMillisecond;
    fixture.add(restless, limited(4, 0.25));
    fixture.run(policy("round-robin", {{"slice", kMillisecond}}), 0);
    Duration before = 0;
    for (Time end = 5 * kMillisecond; end <= 500 * kMillisecond; end += 5 * kMillisecond) {
        fixture.run(end);
        const Duration run = fixture.vm(0).run;
        EXPECT_LE(run - before, 1'250 * kMicrosecond);
        before = run;
    }
    EXPECT_GT(before, 100 * 1'100 * kMicrosecond);
    EXPECT_GT(fixture.vm(0).throttled, 0);
    EXPECT_EQ(fixture.vm(0).ready, 0);
    fixture.expect_conservation();
}

}  // namespace
}  // namespace hvlab::sim
