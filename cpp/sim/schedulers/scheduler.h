// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the pCPUs of a host are shared among the vCPUs of its VMs: the policy of the quantum
// fidelity. One object a host.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/time.h"
#include "sim/model/parameters.h"
#include "sim/model/topology.h"

namespace hvlab::sim {

using VcpuId = int;  // of this host, from 0
using PcpuId = int;
using VmId = int;  // of this host, from 0
inline constexpr int kNone = -1;

enum class VcpuState : std::uint8_t {
    kIdle,   // its guest has nothing for it
    kReady,  // waits for a pCPU
    kRunning,
    kThrottled,  // its VM used up its limit in this accounting period
};

struct VcpuFacts {
    VmId vm = 0;
    VcpuState state = VcpuState::kIdle;
    PcpuId pcpu = kNone;    // where it runs, or ran last
    Time since = 0;         // when it came into this state
    Duration ran = 0;       // all its time on pCPUs, to `since` if it is running
    Duration progress = 0;  // time on pCPUs and idle time, to `since`: what co-scheduling compares
};

struct VmFacts {
    VcpuId first = 0;  // its vCPUs are first .. first + vcpus - 1
    int vcpus = 1;
    double weight = 1024;
    double reservation = 0;         // pCPUs
    double limit = 0;               // pCPUs; infinite if there is none
    std::span<const PcpuId> pcpus;  // where its vCPUs may run, in order; never empty
    int home = 0;                   // the NUMA node its memory is on
};

inline bool wants_pcpu(const VcpuFacts& facts) {
    return facts.state == VcpuState::kReady || facts.state == VcpuState::kRunning;
}

// The host as its scheduler sees it, and what a scheduler does to it. Implemented by QuantumHost.
class Pcpus {
public:
    virtual ~Pcpus() = default;

    virtual Time now() const = 0;
    virtual const Topology& topology() const = 0;
    // Limits and reservations hold over each [k * period, (k + 1) * period).
    virtual Duration accounting_period() const = 0;
    virtual std::span<const VmFacts> vms() const = 0;
    virtual std::span<const VcpuFacts> vcpus() const = 0;
    // The vCPU on each pCPU, or kNone.
    virtual std::span<const VcpuId> running() const = 0;
    // The lowest-numbered free pCPU from `from` on, or kNone.
    virtual PcpuId free_from(PcpuId from) const = 0;
    virtual bool allowed(VcpuId vcpu, PcpuId pcpu) const = 0;
    virtual std::uint64_t random(std::uint64_t bound) = 0;  // uniform in [0, bound)

    // Puts a ready vCPU on a free pCPU for at most `slice` (>= 1 us; kNever: until it stops by
    // itself).
    virtual void run(PcpuId pcpu, VcpuId vcpu, Duration slice) = 0;
    // Gives a running vCPU a new slice from now on, without a switch.
    virtual void extend(PcpuId pcpu, Duration slice) = 0;
    // Takes the vCPU off: it is ready. Calls Scheduler::charge, and nothing else.
    virtual void preempt(PcpuId pcpu) = 0;
    // While held, a ready vCPU's waiting counts as co-stop instead of ready time.
    virtual void hold(VcpuId vcpu, bool held) = 0;
    // Scheduler::timer at that time; one timer, moved by setting it again; kNever disarms it.
    virtual void set_timer(Time at) = 0;
};

inline const VmFacts& facts(const Pcpus& host, VmId vm) {
    return host.vms()[static_cast<std::size_t>(vm)];
}
inline VmId vm_of(const Pcpus& host, VcpuId vcpu) {
    return host.vcpus()[static_cast<std::size_t>(vcpu)].vm;
}

enum class Wake : std::uint8_t { kWoke, kSliceOver, kUnthrottled };

// The host calls `charge`, `ready` and `stopped` as things happen; when all of one instant have, it
// calls `assign` once, and only there (and in `timer`) may pCPUs be given and taken. Nothing
// allocates in steady state.
class Scheduler {
public:
    virtual ~Scheduler() = default;

    virtual void start(Pcpus& host) = 0;
    // `vcpu` was on a pCPU for `ran` ns more (costs of switching included). Before any `ready` or
    // `stopped` that ends its time there; also at accounting.
    virtual void charge(Pcpus& host, VcpuId vcpu, Duration ran) = 0;
    // It wants a pCPU. After kSliceOver it is off its pCPU.
    virtual void ready(Pcpus& host, VcpuId vcpu, Wake why) = 0;
    // It no longer wants one: idle or throttled.
    virtual void stopped(Pcpus& host, VcpuId vcpu) = 0;
    virtual void assign(Pcpus& host) = 0;
    // `assign` follows.
    virtual void timer(Pcpus& /*host*/) {}

    virtual void save(StateWriter& writer) const = 0;
    virtual void load(StateReader& reader) = 0;
    // After `load`: throws StateError if what was loaded does not fit the host, which has been
    // loaded before.
    virtual void check(const Pcpus& /*host*/) const {}
};

// What a policy promises; `hvlab sim validate` and the tests hold it to that, and the check of a
// description refuses what it can't honour.
struct Promises {
    bool work_conserving = true;  // no pCPU free while an allowed vCPU is ready and not held
    bool weights = true;          // backlogged VMs get CPU time in proportion to their weights
    bool reservations = false;
    bool coscheduling = false;  // skew between the vCPUs of a VM is bounded
};

struct SchedulerKind {
    std::string_view name;
    std::string_view meaning;  // one sentence, for users
    std::string_view source;   // where the algorithm is described
    Promises promises;         // with its parameters as preset
    std::span<const Parameter> parameters;
    std::unique_ptr<Scheduler> (*make)(const Values& values);
    // nullptr: its parameters make no difference.
    Promises (*promises_with)(const Values& values) = nullptr;
};

// The name, in a description, of a policy that is no kind of ours: whoever makes the cluster gives
// it. It may honour reservations or not.
inline constexpr std::string_view kOwnScheduler = "python";

std::span<const SchedulerKind* const> scheduler_kinds();
const SchedulerKind* find_scheduler(std::string_view name);
Promises promises(const SchedulerKind& kind, const Values& values);

}  // namespace hvlab::sim
