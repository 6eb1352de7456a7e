// SPDX-License-Identifier: GPL-2.0-or-later
//
// What holds for any host, any VMs, any policy.
#include <gtest/gtest.h>

#include <random>

#include "sim/hosts/testing/quantum_fixture.h"

namespace hvlab::sim {
namespace {

using testing::Busy;
using testing::NoOutbox;
using testing::policy;
using testing::QuantumFixture;
using testing::Restless;

struct Case {
    std::vector<std::unique_ptr<Workload>> workloads;
    std::unique_ptr<QuantumFixture> fixture;
    Duration step = 0;
};

using Random = std::mt19937_64;

// Uniform from `least` to `most`, the same on all machines.
std::int64_t among(Random& random, std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
}

HostGroup random_group(Random& random) {
    HostGroup group;
    group.sockets = static_cast<int>(among(random, 1, 2));
    group.numa_nodes = static_cast<int>(among(random, 1, 2));
    group.cores = group.numa_nodes * static_cast<int>(among(random, 1, 3));
    group.threads = static_cast<int>(among(random, 1, 3));
    group.smt_speed = 0.01 * static_cast<double>(among(random, 30, 100));
    group.remote_speed = 0.01 * static_cast<double>(among(random, 30, 100));
    group.context_switch = among(random, 0, 1) * among(random, 0, 20'000);
    group.migration = among(random, 0, 1) * among(random, 0, 50'000);
    group.remote_migration = group.migration + among(random, 0, 100'000);
    group.accounting_period = among(random, 1, 20) * kMillisecond;
    return group;
}

VmGroup random_vm(Random& random, const HostGroup& group) {
    VmGroup vm;
    vm.vcpus = static_cast<int>(among(random, 1, std::min(4, group.pcpus())));
    vm.weight = static_cast<double>(among(random, 1, 4096));
    if (among(random, 0, 2) == 0) vm.limit = 0.01 * static_cast<double>(among(random, 5, 250));
    if (among(random, 0, 2) == 0) {
        for (int pcpu = 0; pcpu < group.pcpus(); ++pcpu) {
            if (among(random, 0, 1) == 0) vm.pcpus.push_back(pcpu);
        }
        if (static_cast<int>(vm.pcpus.size()) < vm.vcpus) vm.pcpus.clear();
    }
    return vm;
}

Case random_case(std::uint64_t seed) {
    Random random(seed);
    Case result;
    result.fixture = std::make_unique<QuantumFixture>();
    QuantumFixture& fixture = *result.fixture;
    fixture.seed = seed;
    fixture.group = random_group(random);
    fixture.options.warmup = among(random, 0, 1) * among(random, 1, 30 * kMillisecond);
    const std::int64_t vms = among(random, 1, 3 * fixture.group.pcpus());
    for (std::int64_t i = 0; i < vms; ++i) {
        const Duration mean = among(random, 1, 3) * (among(random, 0, 1) == 0 ? 10'000 : 3'000'000);
        if (among(random, 0, 3) == 0) {
            result.workloads.push_back(std::make_unique<Busy>(mean));
        } else {
            result.workloads.push_back(std::make_unique<Restless>(mean));
        }
        fixture.add(*result.workloads.back(), random_vm(random, fixture.group));
    }
    result.step = among(random, 1, 3) * kMillisecond + among(random, 0, 999);
    return result;
}

class QuantumProperties : public ::testing::TestWithParam<const SchedulerKind*> {};

TEST_P(QuantumProperties, NoTimeIsLostOrCreated) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Case random = random_case(seed);
        QuantumFixture& fixture = *random.fixture;
        fixture.run(policy(GetParam()->name), 0);
        for (int step = 1; step <= 40; ++step) {
            fixture.run(step * random.step);
            fixture.expect_conservation();
            if (HasFailure()) return;
        }
        EXPECT_GT(fixture.all().run, 0);
    }
}

TEST_P(QuantumProperties, LimitsHold) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Case random = random_case(seed);
        QuantumFixture& fixture = *random.fixture;
        fixture.options.warmup = 0;
        const Duration period = fixture.group.accounting_period;
        fixture.run(policy(GetParam()->name), 0);
        std::vector<Duration> before(fixture.host().vms());
        for (int step = 1; step <= 10; ++step) {
            fixture.run(step * period);
            for (std::size_t vm = 0; vm < before.size(); ++vm) {
                const Duration run = fixture.vm(static_cast<VmId>(vm)).run - before[vm];
                before[vm] += run;
                const double limit = fixture.host().pcpus().vms()[vm].limit;
                EXPECT_LE(static_cast<double>(run), limit * static_cast<double>(period));
            }
        }
    }
}

std::vector<std::byte> saved(const QuantumHost& host) {
    StateWriter writer;
    host.save(writer);
    return writer.take();
}

TEST_P(QuantumProperties, AHostThatWasSavedGoesOnTheSame) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Case random = random_case(seed);
        QuantumFixture& fixture = *random.fixture;
        NoOutbox outbox;
        const auto whole = fixture.make(policy(GetParam()->name));
        const auto first = fixture.make(policy(GetParam()->name));
        const auto second = fixture.make(policy(GetParam()->name));
        const Time middle = 7 * random.step;
        const Time end = 20 * random.step;
        whole->advance(end, outbox);
        first->advance(middle, outbox);
        const auto checkpoint = saved(*first);
        StateReader reader(checkpoint);
        second->load(reader);
        EXPECT_TRUE(reader.at_end());
        EXPECT_EQ(saved(*second), checkpoint);
        second->advance(end, outbox);
        EXPECT_EQ(saved(*second), saved(*whole));
        if (HasFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(All, QuantumProperties,
                         ::testing::ValuesIn(scheduler_kinds().begin(), scheduler_kinds().end()),
                         [](const auto& kind) {
                             std::string name(kind.param->name);
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace hvlab::sim
