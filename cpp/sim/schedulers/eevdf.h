// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "sim/schedulers/eevdf_queue.h"

namespace hvlab::sim::eevdf {

struct Settings {
    Duration slice = 3 * kMillisecond;
    Duration balance = 10 * kMillisecond;
    bool preempt = true;
};

// Earliest eligible virtual deadline first: Stoica, Abdel-Wahab: Earliest Eligible Virtual Deadline
// First: A Flexible and Accurate Mechanism for Proportional Share Resource Allocation, Old Dominion
// University TR-95-22, 1995; in the shape that Linux 6.6 gave it (kernel/sched/fair.c): a queue for
// each pCPU, sleepers keep their lag, an idle pCPU takes from the others.
//
// A VM's weight is shared by those of its vCPUs that want to run, as with a CPU controller's group.
// Linux evens loads out; here it is service: a vCPU moves to where it catches up with what others
// have had for their weight, so that VMs get CPU time by their weights across queues.
class Eevdf final : public Scheduler {
public:
    explicit Eevdf(const Settings& settings) : settings_(settings) {}

    void start(Pcpus& host) override;
    void charge(Pcpus& host, VcpuId vcpu, Duration ran) override;
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override;
    void stopped(Pcpus& host, VcpuId vcpu) override;
    void assign(Pcpus& host) override;
    void timer(Pcpus& host) override;

    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;
    void check(const Pcpus& host) const override;

private:
    struct Vcpu {
        Virtual lag = 0;       // while it's neither queued nor running: what it is owed
        PcpuId queue = kNone;  // the one it is in, or was in last
        bool placed = false;   // it is in one
    };

    static std::size_t at(int id) { return static_cast<std::size_t>(id); }

    Weight weight(const Pcpus& host, VcpuId vcpu) const;
    // Brings the running vCPU's time up to now; a new deadline if it has had its slice.
    void update(const Pcpus& host, PcpuId pcpu);
    void renew(const Pcpus& host, Entry& entry) const;

    void place_woken(Pcpus& host);
    PcpuId queue_for(const Pcpus& host, VcpuId vcpu) const;
    void enqueue(const Pcpus& host, PcpuId pcpu, VcpuId vcpu);

    void run_first(Pcpus& host, PcpuId pcpu);
    void run(Pcpus& host, PcpuId pcpu, VcpuId vcpu);
    Duration slice(const Queue& queue) const;
    void reconsider(Pcpus& host, PcpuId pcpu);
    void put_back(PcpuId pcpu);

    // eevdf_balance.cpp
    bool steal(Pcpus& host, PcpuId pcpu);
    void balance(Pcpus& host);
    bool move_one(Pcpus& host, PcpuId from);
    // Its vCPUs had so many slices less of service than those who are at `time`.
    bool behind(PcpuId pcpu, Virtual time, int slices) const;
    PcpuId furthest_ahead(PcpuId from) const;
    const Entry* to_move(const Pcpus& host, PcpuId from, PcpuId to) const;
    void move(const Pcpus& host, VcpuId vcpu, PcpuId from, PcpuId to);

    Settings settings_;
    std::vector<Queue> queues_;  // of each pCPU
    std::vector<int> nodes_;     // the same
    std::vector<Vcpu> vcpus_;
    std::vector<Weight> weights_;  // of each VM
    std::vector<int> wanting_;     // of each VM: its vCPUs that are ready or run
    std::vector<VcpuId> woken_;    // since the last assign
    std::vector<PcpuId> changed_;  // pCPUs that run, whose queues others joined since
    std::vector<Virtual> means_;   // of each queue, while balancing
    std::vector<Weight> loads_;    // the same
    Virtual clock_ = 0;            // of the queue that is furthest ahead, at the last balancing
    int waiting_ = 0;              // vCPUs in queues that do not run
};

}  // namespace hvlab::sim::eevdf
