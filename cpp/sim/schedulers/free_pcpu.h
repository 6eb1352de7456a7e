// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits>

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// The free pCPU where the vCPU gets on best, kNone if it may run on none that is free. In this
// order: a core whose threads are all free, the VM's NUMA node, the pCPU it ran on last, another
// thread of that core, the lowest number. That is where Linux looks, too (select_idle_sibling in
// kernel/sched/fair.c: an idle core before an idle thread, the previous CPU first).
// Only pCPUs from `first` to before `end` are looked at.
PcpuId best_free_pcpu(const Pcpus& host, VcpuId vcpu, PcpuId first = 0,
                      PcpuId end = std::numeric_limits<PcpuId>::max());

// All threads of the pCPU's core but itself are free.
bool siblings_free(const Pcpus& host, PcpuId pcpu);

}  // namespace hvlab::sim
