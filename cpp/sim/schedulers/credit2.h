// SPDX-License-Identifier: GPL-2.0-or-later
//
// After Xen's credit2 (George Dunlap; xen/common/sched/credit2.c says how it works). Credits are
// nanoseconds: the vCPU of the highest weight burns one each nanosecond that it runs.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sim/schedulers/credit2_load.h"
#include "sim/schedulers/ordered_queue.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim::credit2 {

inline constexpr Duration kCredit = 10 * kMillisecond;  // what a reset gives; the longest slice

class Credit2 final : public Scheduler {
public:
    Credit2(const std::string& queues, Duration rate_limit, Duration resistance)
        : queues_of_(queues), rate_limit_(rate_limit), resistance_(resistance) {}

    void start(Pcpus& host) override;
    void charge(Pcpus& host, VcpuId vcpu, Duration /*ran*/) override { burn(host, vcpu); }
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override;
    void stopped(Pcpus& host, VcpuId vcpu) override;
    void assign(Pcpus& host) override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;
    void check(const Pcpus& host) const override;

private:
    struct Vcpu {
        Duration credit = kCredit;
        Time burnt = 0;    // while it runs: its credit is right for this time
        Time started = 0;  // on its pCPU
        AverageLoad load = AverageLoad(0.5);
        int queue = 0;
        VmId vm = 0;
        bool anywhere = false;  // it may run on any pCPU
        bool waits = false;     // in its queue
        bool wants = false;     // waits or runs
    };
    struct Queue {
        PcpuId first = 0;
        PcpuId end = 0;
        OrderedQueue<Duration> waiting;  // by credit, negated: the richest first
        int wanting = 0;
        AverageLoad load;
        bool unbalanced = false;  // a reset came: look at the other queues
    };

    Vcpu& of(VcpuId vcpu) { return vcpus_[static_cast<std::size_t>(vcpu)]; }
    Queue& queue_at(PcpuId pcpu) {
        return queues_[static_cast<std::size_t>(pcpu / pcpus_of_queue_)];
    }
    Queue& queue_of(VcpuId vcpu) { return queues_[static_cast<std::size_t>(of(vcpu).queue)]; }
    // Credit a nanosecond. A VM's weight is shared by those of its vCPUs that want to run.
    double burn_rate(VcpuId vcpu) const {
        const auto vm = static_cast<std::size_t>(vcpus_[static_cast<std::size_t>(vcpu)].vm);
        return costs_[vm] * std::max(wanting_of_vm_[vm], 1);
    }
    bool allowed(const Pcpus& host, VcpuId vcpu, PcpuId pcpu) {
        return of(vcpu).anywhere || host.allowed(vcpu, pcpu);
    }
    void burn(const Pcpus& host, VcpuId vcpu);

    int first_queue(const Pcpus& host, VcpuId vcpu, const std::vector<int>& vcpus_of) const;
    static bool may_run_in(const Pcpus& host, VcpuId vcpu, const Queue& queue);
    void put(VcpuId vcpu);
    void take(VcpuId vcpu);
    void count(const Pcpus& host, VcpuId vcpu, bool wants);
    void move(const Pcpus& host, VcpuId vcpu, int queue);

    void give_free(Pcpus& host, bool from_others);
    VcpuId candidate(const Pcpus& host, PcpuId pcpu);
    VcpuId candidate_of_others(const Pcpus& host, PcpuId pcpu);
    VcpuId expired(const Pcpus& host, PcpuId pcpu);
    void run(Pcpus& host, PcpuId pcpu, VcpuId vcpu);
    Duration slice(const Pcpus& host, VcpuId vcpu);
    void reset(const Pcpus& host, Queue& queue, VcpuId next);
    void tickle(Pcpus& host, VcpuId vcpu);
    Duration score(const Pcpus& host, VcpuId vcpu, PcpuId pcpu);
    void evict(Pcpus& host, PcpuId pcpu);
    void balance(Pcpus& host, Queue& queue);
    VcpuId best_to_move(const Pcpus& host, const Queue& from, const Queue& to, double difference);

    std::string queues_of_;
    Duration rate_limit_;
    Duration resistance_;
    int pcpus_of_queue_ = 1;
    int waiting_ = 0;  // in all queues
    std::vector<Vcpu> vcpus_;
    std::vector<Queue> queues_;
    std::vector<int> wanting_of_vm_;
    std::vector<double> costs_;  // of each VM: burn rate, if it had one vCPU
    struct Expired {
        VcpuId vcpu = kNone;
        Time at = -1;
    };
    std::vector<Expired> expired_;  // a pCPU's vCPU whose slice is over, at this time
    std::vector<VcpuId> woken_;     // in this instant
};

}  // namespace hvlab::sim::credit2
