// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host for tests of schedulers: its pCPUs cost nothing to switch, its vCPUs compute and idle as a
// script says. It holds the scheduler to the contract (HVLAB_ASSERT) and counts what each VM got.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim::testing {

// What a vCPU does next: idles, then wants a pCPU until it has had one for `busy`.
struct Burst {
    Duration idle = 0;
    Duration busy = kNever;
};
// Of a VM: (its vCPU, how many bursts that one has had).
using Script = std::function<Burst(int, int)>;

struct FakeVm {
    int vcpus = 1;
    double weight = 1024;
    double reservation = 0;
    double limit = std::numeric_limits<double>::infinity();
    std::vector<PcpuId> pcpus = {};  // empty: all
    int home = 0;
    Script script = nullptr;  // nullptr: always busy
};

struct FakeLedger {
    Duration run = 0;
    Duration ready = 0;
    Duration costop = 0;
    Duration throttled = 0;
    Duration idle = 0;
};

class FakeHost final : public Pcpus {
public:
    FakeHost(const HostGroup& shape, std::vector<FakeVm> vms, std::unique_ptr<Scheduler> scheduler);

    void run_until(Time end);
    // After the events of each instant, when all pCPUs are given.
    void on_instant(std::function<void(const FakeHost&)> check) { check_ = std::move(check); }
    // Puts a scheduler of the same kind in the place of the first, with its saved state.
    void replace_scheduler(std::unique_ptr<Scheduler> scheduler);
    const Scheduler& scheduler() const { return *scheduler_; }

    FakeLedger ledger(VmId vm) const;
    Duration run_time(VmId vm) const { return ledger(vm).run; }
    // In this accounting period.
    Duration used(VmId vm) const { return used_[static_cast<std::size_t>(vm)]; }
    bool held(VcpuId vcpu) const { return of(vcpu).held; }
    // Own time on pCPUs and idle time, up to now.
    Duration progress(VcpuId vcpu) const;
    std::int64_t switches() const { return switches_; }
    std::int64_t migrations() const { return migrations_; }
    std::int64_t instants() const { return instants_; }
    // A pCPU is free where a vCPU that is ready, and not held, may run.
    bool wastes_pcpu() const;

    Time now() const override { return now_; }
    const Topology& topology() const override { return topology_; }
    std::span<const VmFacts> vms() const override { return vms_; }
    std::span<const VcpuFacts> vcpus() const override { return facts_; }
    std::span<const VcpuId> running() const override { return running_; }
    PcpuId free_from(PcpuId from) const override;
    bool allowed(VcpuId vcpu, PcpuId pcpu) const override;
    std::uint64_t random(std::uint64_t bound) override;
    Duration accounting_period() const override { return period_; }
    void run(PcpuId pcpu, VcpuId vcpu, Duration slice) override;
    void extend(PcpuId pcpu, Duration slice) override;
    void preempt(PcpuId pcpu) override;
    void hold(VcpuId vcpu, bool held) override;
    void set_timer(Time at) override { timer_ = at; }

private:
    struct Vcpu {
        FakeLedger ledger;
        Time settled = 0;  // the ledger is complete up to here
        Time charged = 0;  // while it runs: the scheduler knows up to here
        Time wakes = kNever;
        Duration need = 0;  // of pCPU time, until it idles
        int bursts = 0;
        bool held = false;
    };

    const Vcpu& of(VcpuId vcpu) const { return vcpus_[static_cast<std::size_t>(vcpu)]; }
    VcpuFacts& facts(VcpuId vcpu) { return facts_[static_cast<std::size_t>(vcpu)]; }
    Time next_stop(PcpuId pcpu) const;
    Time next_throttle(VmId vm) const;
    Time next_event() const;
    void handle_instant();
    void stop_pcpus();
    void wake_vcpus();
    void throttle_vms();
    void begin_period();
    void settle(VcpuId vcpu);
    void charge(VcpuId vcpu);
    void enter(VcpuId vcpu, VcpuState state);
    void take_off(PcpuId pcpu, VcpuState state);
    void begin_burst(VcpuId vcpu);

    Topology topology_;
    Duration period_;
    std::vector<FakeVm> described_;
    std::vector<VmFacts> vms_;
    std::vector<std::vector<PcpuId>> pcpus_of_vm_;
    std::vector<VcpuFacts> facts_;
    std::vector<Vcpu> vcpus_;
    std::vector<Duration> used_;
    std::vector<bool> throttled_;
    std::vector<VcpuId> running_;
    std::vector<Time> slice_end_;
    std::vector<VcpuId> last_on_;
    std::unique_ptr<Scheduler> scheduler_;
    std::function<void(const FakeHost&)> check_;
    Time now_ = 0;
    Time timer_ = kNever;
    Time period_end_;
    std::uint64_t random_ = 1;
    bool giving_ = false;  // pCPUs may be given and taken
    std::int64_t switches_ = 0;
    std::int64_t migrations_ = 0;
    std::int64_t instants_ = 0;
};

// A scheduler with its parameters as preset, but for those given (written as in YAML).
std::unique_ptr<Scheduler> make_scheduler(
    const SchedulerKind& kind,
    const std::vector<std::pair<std::string_view, std::string_view>>& given = {});

HostGroup host_shape(int cores, int threads = 1, int sockets = 1, int numa_nodes = 1);

}  // namespace hvlab::sim::testing
