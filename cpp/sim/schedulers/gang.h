// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "sim/schedulers/ordered_queue.h"
#include "sim/schedulers/pcpu_set.h"
#include "sim/schedulers/scheduler.h"
#include "sim/schedulers/vm_shares.h"

namespace hvlab::sim::gang {

// Strict co-scheduling: at each instant all vCPUs of a VM that want to run do, or none.
class Gang final : public Scheduler {
public:
    Gang(Duration slice, bool alternate) : slice_(slice), alternate_(alternate) {}

    void start(Pcpus& host) override;
    void charge(Pcpus& /*host*/, VcpuId /*vcpu*/, Duration /*ran*/) override {}
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override;
    void stopped(Pcpus& host, VcpuId vcpu) override;
    void assign(Pcpus& host) override;
    void timer(Pcpus& /*host*/) override { armed_ = kNever; }
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;
    void check(const Pcpus& host) const override;

private:
    struct Vm {
        int wanting = 0;
        int running = 0;
        Time counted = 0;        // its service is right up to here
        double key = 0;          // in waiting_
        bool on = false;         // its gang has pCPUs
        bool costopped = false;  // had them, until one more of its vCPUs woke
        bool held = false;       // what waits of it counts as co-stop
    };
    struct Vcpu {
        bool wants = false;
        bool runs = false;
        bool held = false;
    };

    static std::size_t index(int id) { return static_cast<std::size_t>(id); }
    bool anywhere(const Pcpus& host, VmId vm) const {
        return facts(host, vm).pcpus.size() == target_.size();
    }

    void count(const Pcpus& host, VmId vm, int change);
    void enqueue(VmId vm);
    void admit_woken(Pcpus& host);
    void costop(Pcpus& host, VmId vm);
    void fill(Pcpus& host);
    void begin_slot(Pcpus& host);
    void choose_gangs(const Pcpus& host);
    bool reserve(const Pcpus& host, VmId vm);
    bool stays(const Pcpus& host, VmId vm) const;
    void set_target(PcpuId pcpu, VcpuId vcpu);
    PcpuId best_target(const Pcpus& host, VcpuId vcpu) const;
    int free_pcpus(const Pcpus& host, VmId vm, int all) const;
    static int free_pcpus(const Pcpus& host);
    void run(Pcpus& host, PcpuId pcpu, VcpuId vcpu);
    void take_off(Pcpus& host, PcpuId pcpu);
    void update_holds(Pcpus& host);
    void hold(Pcpus& host, VmId vm, bool held);
    void arm(Pcpus& host);

    Duration slice_;
    bool alternate_;
    VmShares shares_;
    std::vector<Vm> vms_;
    std::vector<Vcpu> vcpus_;
    OrderedQueue<double> waiting_;  // gangs that have no pCPUs, the least served first
    std::vector<VcpuId> woken_;     // of gangs that have, in this instant
    std::vector<VmId> changed_;     // in this instant
    // At the beginning of a slot:
    std::vector<std::pair<double, VmId>> on_;  // gangs that had pCPUs, the least served first
    std::vector<VmId> started_;                // those that had none, and get some
    std::vector<VcpuId> target_;               // of each pCPU
    PcpuSet untaken_;                          // pCPUs that are nobody's target
    Time slot_end_ = 0;
    Time armed_ = kNever;
    int gangs_on_ = 0;
    bool had_free_ = true;  // a pCPU, at the last instant
};

}  // namespace hvlab::sim::gang
