// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/free_pcpu.h"

namespace hvlab::sim {

namespace {

constexpr int kBest = 15;

int merit(const Pcpus& host, const VmFacts& vm, PcpuId last, PcpuId pcpu) {
    const Topology& topology = host.topology();
    const bool same_core = last != kNone && topology.core(pcpu) == topology.core(last);
    return (siblings_free(host, pcpu) ? 8 : 0) + (topology.node(pcpu) == vm.home ? 4 : 0) +
           (pcpu == last ? 2 : 0) + (same_core ? 1 : 0);
}

}  // namespace

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

PcpuId best_free_pcpu(const Pcpus& host, VcpuId vcpu, PcpuId first, PcpuId end) {
    PcpuId pcpu = host.free_from(first);
    if (pcpu == kNone || pcpu >= end) return kNone;
    const VcpuFacts& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
    const VmFacts& vm = host.vms()[static_cast<std::size_t>(facts.vm)];
    const PcpuId last = facts.pcpu;
    if (last >= first && last < end && host.free_from(last) == last && host.allowed(vcpu, last) &&
        merit(host, vm, last, last) == kBest) {
        return last;
    }
    PcpuId best = kNone;
    int most = -1;
    for (; pcpu != kNone && pcpu < end; pcpu = host.free_from(pcpu + 1)) {
        if (!host.allowed(vcpu, pcpu)) continue;
        const int found = merit(host, vm, last, pcpu);
        if (found > most) {
            most = found;
            best = pcpu;
        }
    }
    return best;
}

}  // namespace hvlab::sim
