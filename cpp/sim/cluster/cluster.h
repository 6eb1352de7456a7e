// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/cluster/feeding.h"
#include "sim/cluster/recording.h"
#include "sim/engine/time.h"
#include "sim/engine/windows.h"
#include "sim/hosts/host.h"
#include "sim/model/description.h"
#include "sim/model/placement.h"

namespace hvlab::sim {

struct RunOptions {
    Time until = 0;           // > 0
    Time warmup = 0;          // what happens before it counts in no measure but the time series
    Duration resolution = 0;  // of the time series; 0: none
    unsigned threads = 1;
    Duration window = 0;       // between two calls of Progress, at most; 0: as the engine likes
    std::uint64_t memory = 0;  // bytes that the run may take; 0: what the host has available
    Percentiles percentiles = Percentiles::kGroups;
};

struct QuantumPolicy;  // hosts/quantum_host.h

// Makes the policy of a host of that group, whose scheduler is kOwnScheduler. What it throws leaves
// Cluster's constructor.
using SchedulerFactory = std::function<QuantumPolicy(const HostGroup&)>;

// Throws ConfigError for an unknown workload and for parameters that do not go together.
std::unique_ptr<Workload> make_workload(const VmGroup& group);

// One simulation: a description, its hosts, and what was measured. One thread at a time.
class Cluster {
public:
    // Called now and then; false stops the run at the end of the window.
    using Progress = std::function<bool(Time now, std::uint64_t events)>;

    // Throws ConfigError for what is wrong with either, or if it would not fit in memory.
    // `own_scheduler`: of hosts with kOwnScheduler; what their schedulers throw when they start
    // leaves the constructor too.
    Cluster(Description description, const RunOptions& options,
            const SchedulerFactory& own_scheduler = {});
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void set_feeder(Feeder feeder) { feeder_ = std::move(feeder); }

    // Goes on from now() to the end; true if it came there. Throws PolicyError, WorkloadError, and
    // what own schedulers, the feeder and `progress` throw; after all but the last it can't go on.
    bool run(const Progress& progress);

    // Writes the cluster as it stands, with a text that says what it is: whoever restores it makes
    // a cluster of the same description and options (but for threads) first. HostError.
    void save(const std::filesystem::path& path, const std::string& description) const;
    static std::string saved_description(const std::filesystem::path& path);
    // Before the first run. HostError; StateError for what is no checkpoint of such a cluster: this
    // one is of no use then.
    void restore(const std::filesystem::path& path);

    const Description& description() const { return description_; }
    const RunOptions& options() const { return options_; }
    const Placement& placement() const { return placement_; }
    const Recording& recording() const { return recording_; }
    Host& host(std::uint32_t number) const { return *hosts_[number]; }
    const Workload& workload(std::uint32_t group) const { return *workloads_[group]; }

    Time now() const;
    // When the accounts begin: the end of the warm-up, or 0 if the run did not come so far.
    Time measured_from() const { return now() >= options_.warmup ? options_.warmup : 0; }
    std::uint64_t events() const;
    bool complete() const { return now() == options_.until; }

    // Bytes that such a run takes, to some per cent.
    static std::uint64_t footprint(const Description& description, const RunOptions& options);

private:
    std::vector<std::unique_ptr<Workload>> make_workloads() const;
    std::vector<std::unique_ptr<Host>> make_hosts(const SchedulerFactory& own_scheduler);
    std::unique_ptr<Engine> make_engine() const;
    std::unique_ptr<Host> make_host(std::uint32_t number, std::vector<HostedVm> vms,
                                    const SchedulerFactory& own_scheduler);
    static QuantumPolicy make_policy(const HostGroup& group, const SchedulerFactory& own_scheduler);

    Description description_;
    RunOptions options_;
    Placement placement_;
    Recording recording_;
    std::vector<std::unique_ptr<Workload>> workloads_;  // by group
    std::vector<std::unique_ptr<Host>> hosts_;
    Feeding feeding_;
    Feeder feeder_;
    std::unique_ptr<Engine> engine_;
};

}  // namespace hvlab::sim
