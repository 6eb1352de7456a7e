// SPDX-License-Identifier: GPL-2.0-or-later
//
// Between the run queues of credit2.
#include <cmath>
#include <limits>

#include "sim/schedulers/credit2.h"

namespace hvlab::sim::credit2 {

// Of the queues where it may run, and of these the ones at its VM's memory: where the fewest are.
int Credit2::first_queue(const Pcpus& host, VcpuId vcpu, const std::vector<int>& vcpus_of) const {
    const Topology& topology = host.topology();
    const auto& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
    const int home = host.vms()[static_cast<std::size_t>(facts.vm)].home;
    int best = 0;
    int least = std::numeric_limits<int>::max();
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const Queue& queue = queues_[i];
        if (!may_run_in(host, vcpu, queue)) continue;
        const bool near =
            topology.node(queue.first) <= home && home <= topology.node(queue.end - 1);
        const int cost = vcpus_of[i] + (near ? 0 : static_cast<int>(vcpus_.size()));
        if (cost >= least) continue;
        least = cost;
        best = static_cast<int>(i);
    }
    return best;
}

bool Credit2::may_run_in(const Pcpus& host, VcpuId vcpu, const Queue& queue) {
    for (PcpuId pcpu = queue.first; pcpu < queue.end; ++pcpu) {
        if (host.allowed(vcpu, pcpu)) return true;
    }
    return false;
}

void Credit2::move(const Pcpus& host, VcpuId vcpu, int queue) {
    Vcpu& it = of(vcpu);
    const bool waits = it.waits;
    const bool wants = it.wants;
    if (waits) take(vcpu);
    count(host, vcpu, false);
    queue_of(vcpu).load.add(-it.load.average());
    it.queue = queue;
    queue_of(vcpu).load.add(it.load.average());
    count(host, vcpu, wants);
    if (waits) put(vcpu);
}

// One vCPU moves between this queue and the one whose load differs most, if that makes the
// difference less: above the capacity from 1/8 of a vCPU on, below it from a whole one.
void Credit2::balance(Pcpus& host, Queue& queue) {
    queue.load.update(queue.wanting, host.now());
    Queue* other = nullptr;
    double most = 0;
    for (Queue& one : queues_) {
        if (&one == &queue) continue;
        one.load.update(one.wanting, host.now());
        const double difference = std::abs(one.load.average() - queue.load.average());
        if (difference <= most) continue;
        most = difference;
        other = &one;
    }
    if (other == nullptr) return;
    Queue& from = queue.load.average() > other->load.average() ? queue : *other;
    Queue& to = &from == &queue ? *other : queue;
    if (most < (from.load.average() < pcpus_of_queue_ ? 1.0 : 0.125)) return;
    const VcpuId vcpu = best_to_move(host, from, to, most);
    if (vcpu == kNone) return;
    const VcpuFacts& facts = host.vcpus()[static_cast<std::size_t>(vcpu)];
    if (facts.state == VcpuState::kRunning) evict(host, facts.pcpu);
    move(host, vcpu, static_cast<int>(&to - queues_.data()));
    woken_.push_back(vcpu);
}

VcpuId Credit2::best_to_move(const Pcpus& host, const Queue& from, const Queue& to,
                             double difference) {
    VcpuId best = kNone;
    double least = difference;
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        Vcpu& it = of(vcpu);
        if (&queue_of(vcpu) != &from || !may_run_in(host, vcpu, to)) continue;
        it.load.update(it.wants ? 1 : 0, host.now());
        const double left = std::abs(difference - 2 * it.load.average());
        if (left >= least) continue;
        least = left;
        best = vcpu;
    }
    return best;
}

}  // namespace hvlab::sim::credit2
