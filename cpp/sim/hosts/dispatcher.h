// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts vCPUs on pCPUs as the scheduler says, and accounts for every nanosecond of both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/stream.h"
#include "sim/hosts/host.h"
#include "sim/hosts/limit.h"
#include "sim/hosts/quantum_agenda.h"
#include "sim/hosts/speeds.h"
#include "sim/measures/ledger.h"
#include "sim/schedulers/pcpu_set.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// Who schedules the vCPUs of a host.
struct Policy {
    std::string name;
    Scheduler* scheduler = nullptr;
    bool work_conserving = false;  // held to it: PolicyError if it isn't
};

class Dispatcher final : public Pcpus {
public:
    enum class Activity : std::uint8_t { kIdle, kCompute, kSpin };

    Dispatcher(const HostGroup& group, std::span<const HostedVm> vms, Policy policy,
               std::uint64_t stream_key, QuantumAgenda& agenda, const QuantumSlots& slots);

    // Pcpus: what the scheduler sees and does.
    Time now() const override { return now_; }
    const Topology& topology() const override { return topology_; }
    Duration accounting_period() const override { return accounting_period_; }
    std::span<const VmFacts> vms() const override { return vms_; }
    std::span<const VcpuFacts> vcpus() const override { return vcpus_; }
    std::span<const VcpuId> running() const override { return running_; }
    PcpuId free_from(PcpuId from) const override { return free_.from(from); }
    bool allowed(VcpuId vcpu, PcpuId pcpu) const override;
    std::uint64_t random(std::uint64_t bound) override;
    void run(PcpuId pcpu, VcpuId vcpu, Duration slice) override;
    void extend(PcpuId pcpu, Duration slice) override;
    void preempt(PcpuId pcpu) override;
    void hold(VcpuId vcpu, bool held) override;
    void set_timer(Time at) override;

    // What the vCPU has to do from now on, `work` if it computes.
    void set_activity(VcpuId vcpu, Activity activity, Duration work);

    void set_now(Time now) { now_ = now; }
    // The pCPU's time has come. If its vCPU has done its work, that vCPU is returned, idle but
    // still on the pCPU until `end_turn`: its guest may have more for it.
    VcpuId work_done(PcpuId pcpu);
    // Takes off the vCPU if it has nothing to do or its slice is over.
    void end_turn(PcpuId pcpu);
    void limit_used_up(VmId vm);
    // Charges what runs, and gives each limited VM the budget of a new period.
    void account();
    // Lets the scheduler assign, if anything happened that it was told of.
    void assign();
    void run_timer();
    // Sets the times at which busy pCPUs stop; after all else of an instant.
    void flush();

    bool wants_pcpu(VcpuId vcpu) const;

    // Accounts up to `now`.
    VmLedger ledger(VmId vm, Time now) const;
    HostLedger host_ledger(Time now) const;
    void reset_ledgers();
    // The part that the guest's requests fill.
    VmLedger& requests_ledger(VmId vm) { return own_vms_[at(vm)].ledger; }

    void save(StateWriter& writer) const;
    void load(StateReader& reader);

private:
    struct Vcpu {
        Work left = 0;     // of its work
        Work ahead = 0;    // it was done with the last one so much (< 1 ns) too late for whole ns
        Time counted = 0;  // ledgers are right up to here
        Time charged = 0;  // the scheduler knows up to here
        Activity activity = Activity::kIdle;
        bool held = false;
    };
    struct Pcpu {
        Time slice_end = kNever;
        Duration overhead = 0;  // still to come
        Time busy_from = 0;     // of its vCPU's time, as far as busy_ lacks it
        VcpuId last = kNone;
        int node = 0;
        int speed = kWorkPerNanosecond;
        bool stale = false;  // its stop must be computed again
    };
    struct Vm {
        VmLedger ledger;
        Work lost = 0;
        Limit limit;
        int allowed = -1;  // the number of its set of pCPUs, or -1 for all
    };
    struct Share {  // of a time on a pCPU
        Duration overhead;
        Duration own;  // the vCPU's
    };

    static std::size_t at(int id) { return static_cast<std::size_t>(id); }
    static Share share(const Pcpu& pcpu, Duration ran);

    void add_vm(const HostGroup& group, const VmGroup& vm);
    void restrict_to(const std::vector<int>& pcpus, Vm& own, VmFacts& facts);

    void wake(VcpuId vcpu, Wake why);
    void stop(VcpuId vcpu, VcpuState state);
    void enter(VcpuId vcpu, VcpuState state);
    void take_off(PcpuId pcpu, VcpuState state);
    void charge(VcpuId vcpu);
    void switch_costs(PcpuId pcpu, VcpuId vcpu);
    void change_running(VmId vm, int change);
    void occupancy_changed(PcpuId pcpu);
    void set_stop(PcpuId pcpu);
    int speed(PcpuId pcpu) const;

    // Brings the ledger of the vCPU's VM, and its work, up to now.
    void settle(VcpuId vcpu);
    void add_time(const Vcpu& own, const VcpuFacts& facts, Duration passed, VmLedger& ledger,
                  Work& lost) const;

    void check_pcpu(PcpuId pcpu, const std::string& what) const;
    void check_slice(Duration slice, const std::string& what) const;
    void check_run(PcpuId pcpu, VcpuId vcpu, Duration slice) const;
    void check_busy(PcpuId pcpu, const char* call, Duration slice) const;
    void check_progress() const;
    [[noreturn]] void refuse(const std::string& message) const;

    void place_loaded();
    void load_vm(StateReader& reader, std::size_t vm);
    void check_vcpu(std::size_t vcpu) const;
    void check_stop(PcpuId pcpu) const;

    static Time after(Time now, Duration duration) {
        return duration > kNever - now ? kNever : now + duration;
    }
    static Agenda::Slot stop_slot(PcpuId pcpu) {
        return QuantumSlots::kPcpus + static_cast<Agenda::Slot>(pcpu);
    }

    Topology topology_;
    Speeds speeds_;
    Duration context_switch_;
    Duration migration_;
    Duration remote_migration_;
    Duration accounting_period_;
    Policy policy_;
    QuantumAgenda& agenda_;
    const QuantumSlots& slots_;
    Stream stream_;

    std::vector<PcpuId> all_pcpus_;
    std::vector<std::vector<PcpuId>> pcpu_lists_;  // those that VMs are restricted to
    std::vector<PcpuSet> pcpu_sets_;               // the same

    std::vector<VmFacts> vms_;
    std::vector<Vm> own_vms_;
    std::vector<VmId> limited_;
    std::vector<VcpuFacts> vcpus_;
    std::vector<Vcpu> own_vcpus_;
    std::vector<VcpuId> running_;
    std::vector<Pcpu> pcpus_;
    PcpuSet free_;
    PcpuSet dirty_;  // pCPUs whose vCPU or speed changed at this instant

    Time now_ = 0;
    Time began_ = 0;  // the ledgers did
    int ready_ = 0;   // vCPUs
    int busy_pcpus_ = 0;
    bool told_ = false;       // the scheduler, of something since it assigned last
    bool in_policy_ = false;  // it may act now
    HostLedger host_;
};

}  // namespace hvlab::sim
