// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <limits>

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// How well the vCPU gets on on a pCPU that is free; the more the better.
int merit_of_pcpu(const Pcpus& host, VcpuId vcpu, PcpuId pcpu);
// Where it did not run last, none is better: the threads of that core are no better than the pCPU
// itself if it is free, and are not all free if it isn't.
inline constexpr int kMostMeritElsewhere = 12;

// The free pCPU where the vCPU gets on best, kNone if it may run on none that is free. In this
// order: a core whose threads are all free, the VM's NUMA node, the pCPU it ran on last, another
// thread of that core, the lowest number. That is where Linux looks, too (select_idle_sibling in
// kernel/sched/fair.c: an idle core before an idle thread, the previous CPU first).
// Only pCPUs from `first` to before `end` are looked at, and of these only those for which
// `usable(pcpu)`.
template <typename Usable>
PcpuId best_free_pcpu_if(const Pcpus& host, VcpuId vcpu, Usable usable, PcpuId first = 0,
                         PcpuId end = std::numeric_limits<PcpuId>::max()) {
    PcpuId pcpu = host.free_from(first);
    if (pcpu == kNone || pcpu >= end) return kNone;
    const PcpuId last = host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu;
    PcpuId best = kNone;
    int most = -1;
    if (last >= first && last < end && host.free_from(last) == last && host.allowed(vcpu, last) &&
        usable(last)) {
        best = last;
        most = merit_of_pcpu(host, vcpu, last);
    }
    for (; pcpu != kNone && pcpu < end && most < kMostMeritElsewhere;
         pcpu = host.free_from(pcpu + 1)) {
        if (!host.allowed(vcpu, pcpu) || !usable(pcpu)) continue;
        const int merit = merit_of_pcpu(host, vcpu, pcpu);
        if (merit > most) {
            most = merit;
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

// All threads of the pCPU's core but itself are free.
bool siblings_free(const Pcpus& host, PcpuId pcpu);

}  // namespace hvlab::sim
