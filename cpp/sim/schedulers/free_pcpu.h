// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// All threads of the pCPU's core but itself are free.
inline bool siblings_free(const Pcpus& host, PcpuId pcpu) {
    const int threads = host.topology().threads();
    if (threads == 1) return true;
    const auto running = host.running();
    const PcpuId first = pcpu - pcpu % threads;
    for (PcpuId sibling = first; sibling < first + threads; ++sibling) {
        if (sibling != pcpu && running[static_cast<std::size_t>(sibling)] != kNone) return false;
    }
    return true;
}

// How well a vCPU gets on on pCPUs that are free; the more the better.
class PcpuMerit {
public:
    PcpuMerit(const Pcpus& host, VcpuId vcpu) : host_(host) {
        const VcpuFacts& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
        const Topology& topology = host.topology();
        const int of_node = topology.pcpus_of_node();
        last_ = facts.pcpu;
        home_ = host.vms()[static_cast<std::size_t>(facts.vm)].home * of_node;
        home_end_ = home_ + of_node;
        threads_ = topology.threads();
        if (threads_ > 1 && last_ != kNone) last_core_ = topology.core(last_);
    }

    PcpuId last() const { return last_; }
    // pCPUs of the VM's NUMA node: from the first to before the end.
    PcpuId home() const { return home_; }
    PcpuId home_end() const { return home_end_; }
    int of(PcpuId pcpu) const {
        const int at_home = pcpu >= home_ && pcpu < home_end_ ? 4 : 0;
        if (threads_ == 1) return 8 + at_home + (pcpu == last_ ? 3 : 0);
        return (siblings_free(host_, pcpu) ? 8 : 0) + at_home + (pcpu == last_ ? 2 : 0) +
               (host_.topology().core(pcpu) == last_core_ ? 1 : 0);
    }
    // Where it did not run last, none at home is better: the threads of that core are no better
    // than the pCPU itself if it is free, and are not all free if it isn't.
    static constexpr int kMostAtHome = 12;
    int most_away() const { return threads_ == 1 ? 8 : 9; }

private:
    const Pcpus& host_;
    PcpuId last_;
    PcpuId home_;
    PcpuId home_end_;
    int threads_;
    int last_core_ = kNone;
};

// The free pCPU where the vCPU gets on best, kNone if it may run on none that is free. In this
// order: a core whose threads are all free, the VM's NUMA node, the pCPU it ran on last, another
// thread of that core, the lowest number. That is where Linux looks, too (select_idle_sibling in
// kernel/sched/fair.c: an idle core before an idle thread, the previous CPU first).
// Only pCPUs from `first` to before `end` are looked at, and of these only those for which
// `usable(pcpu)`.
template <typename Usable>
PcpuId best_free_pcpu_if(const Pcpus& host, VcpuId vcpu, Usable usable, PcpuId first = 0,
                         PcpuId end = std::numeric_limits<PcpuId>::max()) {
    const PcpuId lowest = host.free_from(first);
    if (lowest == kNone || lowest >= end) return kNone;
    const PcpuMerit merit(host, vcpu);
    PcpuId best = kNone;
    int most = -1;
    const PcpuId last = merit.last();
    if (last >= first && last < end && host.free_from(last) == last && host.allowed(vcpu, last) &&
        usable(last)) {
        best = last;
        most = merit.of(last);
    }
    // None away is just as good as one at home: who is looked at first makes no difference.
    struct Range {
        PcpuId first;
        PcpuId end;
        int most;  // merit that there can be, but for the pCPU that it ran on last
    };
    const Range ranges[] = {
        {std::max(first, merit.home()), std::min(end, merit.home_end()), PcpuMerit::kMostAtHome},
        {first, std::min(end, merit.home()), merit.most_away()},
        {std::max(first, merit.home_end()), end, merit.most_away()}};
    for (const Range& range : ranges) {
        if (most >= range.most || range.first >= range.end) continue;
        for (PcpuId pcpu = host.free_from(range.first);
             pcpu != kNone && pcpu < range.end && most < range.most;
             pcpu = host.free_from(pcpu + 1)) {
            if (!host.allowed(vcpu, pcpu) || !usable(pcpu)) continue;
            const int found = merit.of(pcpu);
            if (found <= most) continue;
            most = found;
            best = pcpu;
        }
    }
    return best;
}

inline PcpuId best_free_pcpu(const Pcpus& host, VcpuId vcpu, PcpuId first = 0,
                             PcpuId end = std::numeric_limits<PcpuId>::max()) {
    return best_free_pcpu_if(
        host, vcpu, [](PcpuId) { return true; }, first, end);
}

}  // namespace hvlab::sim
