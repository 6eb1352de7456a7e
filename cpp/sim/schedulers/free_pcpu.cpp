// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/free_pcpu.h"

namespace hvlab::sim {

int merit_of_pcpu(const Pcpus& host, VcpuId vcpu, PcpuId pcpu) {
    const Topology& topology = host.topology();
    const VcpuFacts& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
    const int home = host.vms()[static_cast<std::size_t>(facts.vm)].home;
    const PcpuId last = facts.pcpu;
    const bool same_core = last != kNone && topology.core(pcpu) == topology.core(last);
    return (siblings_free(host, pcpu) ? 8 : 0) + (topology.node(pcpu) == home ? 4 : 0) +
           (pcpu == last ? 2 : 0) + (same_core ? 1 : 0);
}

bool siblings_free(const Pcpus& host, PcpuId pcpu) {
    const int threads = host.topology().threads();
    if (threads == 1) return true;
    const auto running = host.running();
    const PcpuId first = pcpu - pcpu % threads;
    for (PcpuId sibling = first; sibling < first + threads; ++sibling) {
        if (sibling != pcpu && running[static_cast<std::size_t>(sibling)] != kNone) return false;
    }
    return true;
}

}  // namespace hvlab::sim
