// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/status.h"
#include "core/base/test_directory.h"
#include "sim/cluster/footprint.h"
#include "sim/cluster/identities.h"
#include "sim/cluster/tables.h"
#include "sim/hosts/quantum_host.h"
#include "sim/model/check.h"
#include "sim/model/samples.h"
#include "sim/workloads/fed.h"

namespace hvlab::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Description sample(Fidelity fidelity = Fidelity::kFluid) {
    Description description{{samples::host("node", 3, 2)},
                            {samples::vm("web", 7, 1), samples::vm("app", 5, 2)}};
    description.vms[1].weight = 512;
    description.vms[1].limit = 1.5;
    for (VmGroup& vm : description.vms) {
        vm.workload.values.set("think", samples::exponential(20 * kMillisecond));
        vm.workload.values.set("service", samples::exponential(10 * kMillisecond));
    }
    description.seed = 11;
    description.fidelity = fidelity;
    return description;
}

std::vector<Table> tables_of(const Cluster& cluster) {
    return {vm_table(cluster),         host_table(cluster),   group_table(cluster),
            population_table(cluster), series_table(cluster), latency_table(cluster)};
}

// Every value of every table, so that two runs can be compared bit by bit.
std::vector<std::string> values_of(const Cluster& cluster) {
    std::vector<std::string> result;
    for (const Table& table : tables_of(cluster)) {
        for (const Column& column : table.columns) {
            std::string all = table.name + "." + column.name + ":";
            if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&column.values)) {
                for (const std::int64_t value : *integers) all += " " + std::to_string(value);
            } else if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) {
                for (const double value : *numbers) {
                    all += " " + std::to_string(std::bit_cast<std::uint64_t>(value));
                }
            } else {
                const Words& words = std::get<Words>(column.values);
                for (const std::int32_t row : words.rows) {
                    all += " " + words.words[static_cast<std::size_t>(row)];
                }
            }
            result.push_back(std::move(all));
        }
    }
    return result;
}

std::vector<std::string> run(const Description& description, RunOptions options) {
    if (options.until == 0) options.until = kSecond;
    Cluster cluster(description, options);
    EXPECT_TRUE(cluster.run(nullptr));
    for (const Identity& identity : identities(cluster)) {
        EXPECT_TRUE(identity.holds())
            << identity.name << ": missed by " << identity.worst << " ns by " << identity.where;
    }
    return values_of(cluster);
}

std::string refusal(const Description& description, const RunOptions& options) {
    try {
        Cluster cluster(description, options);
        cluster.run(nullptr);
    } catch (const ConfigError& error) {
        return error.field() + ": " + error.what();
    }
    return "accepted";
}

class ClusterTest : public ::testing::TestWithParam<Fidelity> {};

TEST_P(ClusterTest, ThreadsDoNotShow) {
    RunOptions options{.warmup = 100 * kMillisecond, .resolution = 50 * kMillisecond};
    options.percentiles = Percentiles::kVms;
    const std::vector<std::string> one = run(sample(GetParam()), options);
    for (const unsigned threads : {2U, 3U}) {
        options.threads = threads;
        EXPECT_EQ(run(sample(GetParam()), options), one);
    }
}

TEST_P(ClusterTest, TheOrderOfDeclarationDoesNotShow) {
    Description description = sample(GetParam());
    description.hosts.push_back(samples::host("big", 1, 4));
    const std::vector<std::string> before = run(description, {});
    std::reverse(description.hosts.begin(), description.hosts.end());
    std::reverse(description.vms.begin(), description.vms.end());
    EXPECT_EQ(run(description, {}), before);
}

TEST_P(ClusterTest, AnotherSeedIsAnotherRun) {
    Description description = sample(GetParam());
    const std::vector<std::string> before = run(description, {});
    EXPECT_EQ(run(description, {}), before);
    ++description.seed;
    EXPECT_NE(run(description, {}), before);
}

// Common random numbers: who is alone on a host does the same, whoever else is in the cluster.
TEST_P(ClusterTest, AGroupMoreShiftsNobodysNumbers) {
    Description description{{samples::host("a", 1, 1), samples::host("b", 1, 1)},
                            {samples::vm("one", 1, 1)}};
    description.fidelity = GetParam();
    description.vms[0].hosts = "a";
    const auto latency_of_one = [&] {
        Cluster cluster(description, {.until = 60 * kSecond});
        cluster.run(nullptr);
        return cluster.host(0).vm_ledger(0, cluster.now()).latency;
    };
    const Duration alone = latency_of_one();
    EXPECT_GT(alone, 0);
    description.vms.push_back(samples::vm("another", 1, 1));
    description.vms[1].hosts = "b";
    EXPECT_EQ(latency_of_one(), alone);
}

TEST_P(ClusterTest, StoppedItIsPartialAndGoesOn) {
    const Description description = sample(GetParam());
    const RunOptions options{.until = 20 * kSecond, .warmup = kSecond};
    const std::vector<std::string> whole = run(description, options);
    Cluster cluster(description, options);
    Time stopped_at = 0;
    EXPECT_FALSE(cluster.run([&](Time now, std::uint64_t) {
        stopped_at = now;
        return false;
    }));
    EXPECT_EQ(cluster.now(), stopped_at);
    EXPECT_FALSE(cluster.complete());
    EXPECT_LT(cluster.now(), options.until);
    for (const Identity& identity : identities(cluster)) EXPECT_TRUE(identity.holds());
    EXPECT_TRUE(cluster.run(nullptr));
    EXPECT_EQ(values_of(cluster), whole);
}

TEST_P(ClusterTest, TablesSayWhatTheAccountsSay) {
    Cluster cluster(sample(GetParam()), {.until = kSecond, .resolution = 100 * kMillisecond});
    cluster.run(nullptr);
    const auto integers = [](const Table& table, std::string_view name) {
        for (const Column& column : table.columns) {
            if (column.name == name) return std::get<std::vector<std::int64_t>>(column.values);
        }
        return std::vector<std::int64_t>();
    };
    const auto sum = [&](const Table& table, std::string_view name) {
        std::int64_t total = 0;
        for (const std::int64_t value : integers(table, name)) total += value;
        return total;
    };
    const Table vms = vm_table(cluster);
    EXPECT_EQ(vms.rows(), 12U);
    EXPECT_EQ(group_table(cluster).rows(), 2U);
    EXPECT_EQ(host_table(cluster).rows(), 3U);
    for (const char* name : {"run", "ready", "idle", "responses", "throttled"}) {
        EXPECT_EQ(sum(vms, name), sum(group_table(cluster), name)) << name;
        EXPECT_EQ(sum(vms, name), sum(population_table(cluster), name)) << name;
    }
    EXPECT_EQ(sum(vms, "run"), sum(host_table(cluster), "busy"));
    EXPECT_EQ(sum(vms, "responses"), sum(latency_table(cluster), "count"));
    EXPECT_GT(sum(vms, "responses"), 100);
    const Table series = series_table(cluster);
    EXPECT_EQ(series.rows(), 2 * 10U);
    for (const char* name : {"run", "ready", "idle", "responses"}) {
        EXPECT_EQ(sum(series, name), sum(vms, name)) << name;
    }
    // All intervals, the last too, have all the time of 17 vCPUs.
    for (std::size_t row = 0; row < 20; row += 2) {
        std::int64_t all = 0;
        for (const char* name : {"run", "ready", "costop", "throttled", "idle"}) {
            all += integers(series, name)[row] + integers(series, name)[row + 1];
        }
        EXPECT_EQ(all, 17 * 100 * kMillisecond) << row;
    }
}

TEST_P(ClusterTest, ATableWithoutRowsHasItsColumns) {
    Description description = sample(GetParam());
    for (VmGroup& vm : description.vms) {
        vm.workload.values.set("think", samples::exponential(100 * kSecond));
    }
    Cluster empty(description, {.until = kMillisecond});
    empty.run(nullptr);
    Cluster full(sample(GetParam()), {.until = kSecond, .resolution = kSecond / 2});
    full.run(nullptr);
    for (const auto& table : {series_table, latency_table, vcpu_table}) {
        const Table none = table(empty);
        const Table some = table(full);
        ASSERT_EQ(none.columns.size(), some.columns.size()) << none.name;
        for (std::size_t i = 0; i < none.columns.size(); ++i) {
            EXPECT_EQ(none.columns[i].name, some.columns[i].name);
            EXPECT_EQ(none.columns[i].values.index(), some.columns[i].values.index());
        }
        if (none.name != "vcpus") {
            EXPECT_EQ(none.rows(), 0U) << none.name;
            EXPECT_GT(some.rows(), 0U) << none.name;
        }
    }
    EXPECT_EQ(vcpu_table(full).rows(), GetParam() == Fidelity::kQuantum ? 17U : 0U);
}

TEST_P(ClusterTest, AFedWorkloadDoesWhatItIsTold) {
    Description description{{samples::host("node", 2, 4)}, {samples::vm("web", 6, 1)}};
    description.fidelity = GetParam();
    description.hosts[0].context_switch = description.hosts[0].migration = 0;
    description.vms[0].workload = {"fed", {}};
    description.vms[0].workload.values.set("batch", Value(std::int64_t{4}));
    EXPECT_THAT(refusal(description, {.until = kSecond}), HasSubstr("nobody feeds it"));

    Cluster cluster(description, {.until = kSecond});
    int calls = 0;
    cluster.set_feeder([&](const Feed& feed) {
        ++calls;
        EXPECT_TRUE(std::is_sorted(feed.vms.begin(), feed.vms.end()));
        for (std::size_t i = 0; i < feed.vms.size() * feed.pairs; ++i) {
            feed.think[i] = 9 * kMillisecond;
            feed.work[i] = (1 + feed.vms[i / feed.pairs]) * kMillisecond;
        }
    });
    EXPECT_TRUE(cluster.run(nullptr));
    EXPECT_GT(calls, 10);
    const Table table = vm_table(cluster);
    for (const Column& column : table.columns) {
        if (column.name != "responses") continue;
        const auto& responses = std::get<std::vector<std::int64_t>>(column.values);
        EXPECT_EQ(responses[0], 99);  // one in 10 ms; the last ends at the end
        EXPECT_EQ(responses[5], 66);  // one in 15 ms
    }
}

// A function of the VM and the pair's number: resumed, the run is the same.
TEST_P(ClusterTest, AFedRunIsSavedAndRestored) {
    const TestDirectory directory;
    const auto file = directory / "run.checkpoint";
    Description description{{samples::host("node", 2, 2)}, {samples::vm("web", 6, 2)}};
    description.fidelity = GetParam();
    description.vms[0].workload = {"fed", {}};
    description.vms[0].workload.values.set("batch", Value(std::int64_t{4}));
    const RunOptions options{.until = 3 * kSecond, .warmup = kSecond / 10};
    const auto give = [](const Feed& feed) {
        for (std::size_t i = 0; i < feed.vms.size(); ++i) {
            for (std::size_t k = 0; k < feed.pairs; ++k) {
                const std::uint64_t pair = feed.first[i] + k;
                feed.think[i * feed.pairs + k] =
                    static_cast<Duration>(kMillisecond * (1 + (pair * 7 + feed.vms[i]) % 13));
                feed.work[i * feed.pairs + k] =
                    static_cast<Duration>(kMillisecond * (1 + (pair * 5 + feed.vms[i]) % 11));
            }
        }
    };
    Cluster whole(description, options);
    whole.set_feeder(give);
    EXPECT_TRUE(whole.run(nullptr));
    {
        Cluster part(description, options);
        part.set_feeder(give);
        EXPECT_FALSE(part.run([](Time now, std::uint64_t) { return now < kSecond; }));
        EXPECT_LT(part.now(), options.until);
        part.save(file, "");
    }
    Cluster rest(description, options);
    rest.restore(file);
    EXPECT_THAT([&] { rest.run(nullptr); }, ThrowsMessage<ConfigError>(HasSubstr("nobody feeds")));
    rest.set_feeder(give);
    EXPECT_TRUE(rest.run(nullptr));
    EXPECT_EQ(values_of(rest), values_of(whole));
}

TEST_P(ClusterTest, WhatAFedWorkloadMayNotSay) {
    Description description{{samples::host("node", 1, 1)}, {samples::vm("web", 1, 1)}};
    description.fidelity = GetParam();
    description.vms[0].workload = {"fed", {}};
    description.vms[0].workload.values.set("batch", Value(std::int64_t{4}));
    Cluster cluster(description, {.until = kSecond});
    cluster.set_feeder([](const Feed&) {});  // leaves the arrays as they are
    EXPECT_THROW(cluster.run(nullptr), ConfigError);
}

TEST(Cluster, ASchedulerOfOnesOwnIsMadeForEachHost) {
    Description description = sample(Fidelity::kQuantum);
    description.hosts[0].scheduler = {"round-robin", {}};
    description.hosts[0].scheduler.values.set("slice", Value(3 * kMillisecond));
    Cluster known(description, {.until = kSecond});
    EXPECT_TRUE(known.run(nullptr));

    const Values values = description.hosts[0].scheduler.values;
    description.hosts[0].scheduler = {std::string(kOwnScheduler), {}};
    EXPECT_THAT(refusal(description, {.until = kSecond}), HasSubstr("no scheduler 'python'"));
    int made = 0;
    Cluster own(description, {.until = kSecond}, [&](const HostGroup& group) {
        ++made;
        EXPECT_EQ(group.name, "node");
        return QuantumPolicy{"mine", find_scheduler("round-robin")->make(values), true};
    });
    EXPECT_EQ(made, 3);
    EXPECT_TRUE(own.run(nullptr));
    EXPECT_EQ(values_of(own), values_of(known));
}

TEST_P(ClusterTest, SavedAndRestoredItGoesOnAsBefore) {
    const TestDirectory directory;
    const auto file = directory / "run.checkpoint";
    const Description description = sample(GetParam());
    RunOptions options{.until = 20 * kSecond, .warmup = kSecond, .resolution = 700 * kMillisecond};
    options.percentiles = Percentiles::kVms;
    const std::vector<std::string> whole = run(description, options);
    {
        Cluster cluster(description, options);
        EXPECT_FALSE(cluster.run([](Time, std::uint64_t) { return false; }));
        cluster.save(file, "what it is");
    }
    EXPECT_EQ(Cluster::saved_description(file), "what it is");
    options.threads = 2;
    Cluster cluster(description, options);
    cluster.restore(file);
    EXPECT_GT(cluster.now(), 0);
    EXPECT_FALSE(cluster.complete());
    EXPECT_TRUE(cluster.run(nullptr));
    EXPECT_EQ(values_of(cluster), whole);
}

std::vector<double> numbers(const Table& table, std::string_view name) {
    for (const Column& column : table.columns) {
        if (column.name == name) return std::get<std::vector<double>>(column.values);
    }
    return {};
}

TEST_P(ClusterTest, PercentilesOfHostsAndVmsAreThereOnRequest) {
    RunOptions options{.until = 3 * kSecond, .warmup = kSecond / 2};
    const auto columns = [&](Percentiles kept) {
        options.percentiles = kept;
        Cluster cluster(sample(GetParam()), options);
        cluster.run(nullptr);
        return std::pair{numbers(vm_table(cluster), "latency_p99").size(),
                         numbers(host_table(cluster), "latency_p99").size()};
    };
    EXPECT_EQ(columns(Percentiles::kGroups), std::pair(std::size_t{0}, std::size_t{0}));
    EXPECT_EQ(columns(Percentiles::kHosts), std::pair(std::size_t{0}, std::size_t{3}));
    EXPECT_EQ(columns(Percentiles::kVms), std::pair(std::size_t{12}, std::size_t{3}));
}

// A VM alone in its group, or on its host, has the percentiles of the group's exact histogram.
TEST_P(ClusterTest, PercentilesOfOneVmAreThoseOfItsGroup) {
    Description description = sample(GetParam());
    description.hosts[0].count = 2;
    description.vms[0].count = description.vms[1].count = 1;
    description.vms[1].apart = {"web"};
    Cluster cluster(description,
                    {.until = 20 * kSecond, .warmup = kSecond, .percentiles = Percentiles::kVms});
    cluster.run(nullptr);
    for (const char* name : {"latency_p50", "latency_p90", "latency_p99", "latency_p999"}) {
        const std::vector<double> groups = numbers(group_table(cluster), name);
        const std::vector<double> vms = numbers(vm_table(cluster), name);
        std::vector<double> hosts = numbers(host_table(cluster), name);
        std::sort(hosts.begin(), hosts.end());
        std::vector<double> sorted = vms;
        std::sort(sorted.begin(), sorted.end());
        EXPECT_EQ(hosts, sorted) << name;
        ASSERT_EQ(vms.size(), 2U);
        for (std::size_t i : {0, 1}) {
            const double bound = (CompactHistogram::kError + Histogram::kError) * groups[i];
            EXPECT_NEAR(vms[i], groups[i], bound) << name;
            EXPECT_GT(groups[i], kMillisecond / 2) << name;
        }
    }
}

TEST_P(ClusterTest, ACheckpointOfAnotherClusterIsRefused) {
    const TestDirectory directory;
    const auto file = directory / "run.checkpoint";
    const RunOptions options{.until = 20 * kSecond};
    Description description = sample(GetParam());
    Cluster cluster(description, options);
    cluster.run([](Time, std::uint64_t) { return false; });
    cluster.save(file, "");
    const auto restored = [&](const RunOptions& how) {
        Cluster other(description, how);
        other.restore(file);
    };
    EXPECT_THROW(restored({.until = 1}), StateError);
    EXPECT_THROW(restored({.until = 20 * kSecond, .resolution = kSecond}), StateError);
    EXPECT_THROW(restored({.until = 20 * kSecond, .percentiles = Percentiles::kHosts}), StateError);
    description.vms[0].count += 3;
    EXPECT_THROW(restored(options), StateError);
    description.hosts[0].count += 1;
    EXPECT_THROW(restored(options), StateError);
    EXPECT_THROW(Cluster(sample(), options).restore(directory / "none"), HostError);
}

// Sets the time of the engine in a checkpoint, and all checksums after it.
void set_engine_time(std::vector<std::byte>& file, Time now) {
    constexpr std::size_t kBeginning = 20;
    constexpr std::size_t kFrame = 12;   // of a section: its length and checksum
    constexpr std::size_t kTimeAt = 19;  // in the engine's
    std::uint32_t crc = 0;
    std::memcpy(&crc, &file[kBeginning - sizeof crc], sizeof crc);
    int number = 0;
    for (std::size_t at = kBeginning; at < file.size(); ++number) {
        std::uint64_t length = 0;
        std::memcpy(&length, &file[at], sizeof length);
        if (number == 1) std::memcpy(&file[at + kFrame + kTimeAt], &now, sizeof now);
        const std::span<const std::byte> all = file;
        crc = crc32c(all.subspan(at + kFrame, length), crc32c(all.subspan(at, sizeof length), crc));
        std::memcpy(&file[at + sizeof length], &crc, sizeof crc);
        at += kFrame + length;
    }
}

TEST_P(ClusterTest, ACheckpointFromBeforeItsHostsIsRefused) {
    const TestDirectory directory;
    const auto path = directory / "run.checkpoint";
    const RunOptions options{.until = kSecond, .window = 100 * kMillisecond};
    Cluster cluster(sample(GetParam()), options);
    cluster.run([](Time now, std::uint64_t) { return now < kSecond / 2; });
    cluster.save(path, "");
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto restored = [&](Time now) {
        const auto bytes = std::as_bytes(std::span(text));
        std::vector<std::byte> file(bytes.begin(), bytes.end());
        set_engine_time(file, now);
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(file.data()),
                   static_cast<std::streamsize>(file.size()));
        Cluster(sample(GetParam()), options).restore(path);
    };
    EXPECT_NO_THROW(restored(cluster.now()));
    EXPECT_THROW(restored(1), StateError);
}

TEST_P(ClusterTest, TheFootprintIsThatOfTheHeap) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's heap tells no sizes";
#endif
    const std::vector<std::pair<int, Percentiles>> cases{
        {1, Percentiles::kGroups}, {4, Percentiles::kGroups}, {1, Percentiles::kVms}};
    for (const auto& [vcpus, percentiles] : cases) {
        Description description{{samples::host("node", 500, 8)}, {samples::vm("web", 8000, vcpus)}};
        description.fidelity = GetParam();
        const RunOptions options{.until = 10 * kMillisecond, .percentiles = percentiles};
        // What does not grow with the cluster, and the histograms.
        Description small = description;
        small.hosts[0].count = small.vms[0].count = 1;
        const auto told = static_cast<double>(Cluster::footprint(description, options) -
                                              Cluster::footprint(small, options));
        const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
        const Cluster cluster(description, options);
        const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
        const auto taken = static_cast<double>(after - before);
        EXPECT_GT(told, 0.9 * taken) << vcpus;
        EXPECT_LT(told, 2.0 * taken) << vcpus;
    }
}

INSTANTIATE_TEST_SUITE_P(Fidelities, ClusterTest,
                         ::testing::Values(Fidelity::kFluid, Fidelity::kQuantum),
                         [](const auto& fidelity) {
                             return fidelity.param == Fidelity::kFluid ? "fluid" : "quantum";
                         });

TEST(ClusterOptionsTest, AreChecked) {
    const Description description = sample();
    EXPECT_THAT(refusal(description, {.until = 0}), HasSubstr("duration: "));
    EXPECT_THAT(refusal(description, {.until = 5, .warmup = 5}), HasSubstr("warmup: "));
    EXPECT_THAT(refusal(description, {.until = 5, .warmup = -1}), HasSubstr("warmup: "));
    EXPECT_THAT(refusal(description, {.until = 5, .resolution = -1}), HasSubstr("resolution: "));
    EXPECT_THAT(refusal(description, {.until = 5, .threads = 0}), HasSubstr("threads: "));
}

TEST(ClusterOptionsTest, ARunThatWouldNotFitIsRefusedBeforeItStarts) {
    Description description = sample();
    EXPECT_THAT(refusal(description, {.until = kSecond, .memory = 1 << 20}),
                HasSubstr("memory: the run would take about"));
    description.vms[0].count = kMostVms - 10;
    description.hosts[0].count = kMostVms / 100;
    EXPECT_THAT(refusal(description, {.until = kSecond, .memory = std::uint64_t{1} << 30}),
                HasSubstr("and 1.0 GiB are allowed"));
    EXPECT_THAT(refusal(sample(), {.until = 1000 * kSecond, .resolution = 1}),
                HasSubstr("memory: "));
    EXPECT_GT(available_memory(), std::uint64_t{64} << 20);
}

TEST(ClusterOptionsTest, UnknownKindsAreNamed) {
    Description description = sample(Fidelity::kQuantum);
    description.vms[0].workload.name = "closet";
    EXPECT_THAT(refusal(description, {.until = 1}), HasSubstr("vms.web.workload: "));
    description = sample(Fidelity::kQuantum);
    description.hosts[0].scheduler.name = "eevd";
    EXPECT_THAT(refusal(description, {.until = 1}), HasSubstr("hosts.node.scheduler: "));
}

}  // namespace
}  // namespace hvlab::sim
