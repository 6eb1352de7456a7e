// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/process.h"
#include "sim/engine/time.h"
#include "sim/measures/ledger.h"
#include "sim/measures/response_times.h"
#include "sim/model/description.h"
#include "sim/workloads/workload.h"

namespace hvlab::sim {

// A VM as its host gets it. What it points to outlives the host.
struct HostedVm {
    const VmGroup* group = nullptr;
    const Workload* workload = nullptr;
    std::uint32_t group_number = 0;
    std::uint32_t number = 0;  // among all VMs of the cluster
    std::uint64_t stream_key = 0;
};

// What hosts tell while they run. A call with thread t comes from the engine's thread t: an
// implementation keeps a part for each thread, and needs no locks.
class Recorder {
public:
    virtual ~Recorder() = default;
    // A request left a VM of that group, after the warm-up.
    virtual void response(unsigned thread, std::uint32_t group, Duration latency) = 0;
    // What the host's VMs of that group did in the interval number `index` of the series (from 0;
    // the interval ends at (index + 1) x resolution). Durations and counts only: `latency_most` and
    // `latency_squares` are 0.
    virtual void sample(unsigned thread, std::uint32_t group, std::int64_t index,
                        const VmLedger& sums) = 0;
};

struct HostOptions {
    Time warmup = 0;          // ledgers begin anew then
    Duration resolution = 0;  // of the series, which begins at 0; 0: none
    Recorder* recorder = nullptr;
    Percentiles percentiles = Percentiles::kGroups;
};

// One vCPU's account since the run began, ns.
struct VcpuAccount {
    Duration run = 0;
    Duration progress = 0;  // run and idle time: what relaxed co-scheduling compares
    bool idle = true;
};

// What both fidelities are to the cluster.
class Host : public Process {
public:
    // Of the last event that it handled.
    virtual Time now() const = 0;
    virtual std::size_t vms() const = 0;
    // Accounts up to `now`, at which the host must stand (the end of the last window).
    virtual VmLedger vm_ledger(std::size_t vm, Time now) const = 0;
    virtual HostLedger host_ledger(Time now) const = 0;
    // Since the warm-up ended.
    virtual const ResponseTimes& response_times() const = 0;
    // Of the interval of the series that is under way at `now`: what its group's VMs did so far.
    virtual VmLedger open_sample(std::uint32_t group, Time now) const = 0;
    // Of a host that knows its vCPUs one by one; otherwise nothing.
    virtual std::optional<VcpuAccount> vcpu_account(std::size_t vm, int vcpu, Time now) const = 0;
    // The time of arrival of each request that is in the VM.
    virtual void open_requests(std::size_t vm, const std::function<void(Time)>& visit) = 0;

    // Of workloads that are fed from outside: the VMs for want of whose input `advance` returned
    // starved, ascending; it may go on when each has been fed as much as it wants (in pairs of
    // think time and work). Others may be fed too, if they want something.
    virtual std::span<const std::uint32_t> starving() const = 0;
    virtual std::size_t wanted(std::size_t vm) = 0;
    virtual std::uint64_t given(std::size_t vm) = 0;  // pairs, before
    virtual void feed(std::size_t vm, std::span<const Duration> think,
                      std::span<const Duration> work) = 0;
};

}  // namespace hvlab::sim
