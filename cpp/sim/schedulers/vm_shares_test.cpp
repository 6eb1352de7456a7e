// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/vm_shares.h"

#include <gtest/gtest.h>

#include "sim/schedulers/registry.h"
#include "sim/schedulers/testing/fake_host.h"

namespace hvlab::sim::testing {
namespace {

// A VM that is entitled to more than its one busy vCPU can use has no claim to what it lacked when
// the other one wakes.
TEST(VmShares, WhoCantUseItsShareSavesNothing) {
    const Script second_later = [](int vcpu, int) {
        return Burst{.idle = vcpu == 0 ? 0 : 20 * kSecond};
    };
    const std::vector<FakeVm> vms = {
        {.vcpus = 2, .weight = 4096, .script = second_later}, {}, {}, {}};
    FakeHost host(host_shape(2), vms, make_scheduler(kHyperv));
    host.run_until(20'100 * kMillisecond);
    const Duration before = host.run_time(0);
    host.run_until(21'100 * kMillisecond);
    EXPECT_NEAR(static_cast<double>(host.run_time(0) - before) / kSecond, 8.0 / 7, 0.1);
}

}  // namespace
}  // namespace hvlab::sim::testing
