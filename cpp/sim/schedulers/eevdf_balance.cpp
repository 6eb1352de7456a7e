// SPDX-License-Identifier: GPL-2.0-or-later
//
// Between the queues of EEVDF.
#include <algorithm>

#include "sim/schedulers/eevdf.h"

namespace hvlab::sim::eevdf {

namespace {

// What a queue must lie behind to be worth a move, in slices; from one NUMA node to another, more.
constexpr int kNear = 1;
constexpr int kFar = 4;

}  // namespace

// An idle pCPU takes the first of the longest queue that it may.
bool Eevdf::steal(Pcpus& host, PcpuId pcpu) {
    PcpuId from = kNone;
    VcpuId vcpu = kNone;
    std::size_t most = 0;
    for (std::size_t other = 0; other < queues_.size(); ++other) {
        const Queue& queue = queues_[other];
        if (queue.ready.size() <= most) continue;
        const Entry* best = nullptr;
        for (const Entry& entry : queue.ready) {
            if ((best == nullptr || entry.deadline < best->deadline ||
                 (entry.deadline == best->deadline && entry.vcpu < best->vcpu)) &&
                host.allowed(entry.vcpu, pcpu)) {
                best = &entry;
            }
        }
        if (best == nullptr) continue;
        most = queue.ready.size();
        from = static_cast<PcpuId>(other);
        vcpu = best->vcpu;
    }
    if (from == kNone) return false;
    move(host, vcpu, from, pcpu);
    return true;
}

// vCPUs that are behind go where they catch up: they keep their virtual time. As many as there are
// pairs of pCPUs at most.
void Eevdf::balance(Pcpus& host) {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        update(host, static_cast<PcpuId>(i));
        if (queues_[i].size() == 0) continue;
        means_[i] = queues_[i].mean();
        loads_[i] = queues_[i].load();
        clock_ = std::max(clock_, means_[i]);
    }
    std::size_t left = queues_.size() / 2;
    for (std::size_t i = 0; i < queues_.size() && left > 0; ++i) {
        if (queues_[i].size() > 1 && behind(static_cast<PcpuId>(i), clock_, kNear) &&
            move_one(host, static_cast<PcpuId>(i))) {
            --left;
        }
    }
}

bool Eevdf::behind(PcpuId pcpu, Virtual time, int slices) const {
    return time - means_[at(pcpu)] > virtual_time(slices * settings_.slice, loads_[at(pcpu)]);
}

bool Eevdf::move_one(Pcpus& host, PcpuId from) {
    const PcpuId to = furthest_ahead(from);
    if (to == kNone) return false;
    const Entry* entry = to_move(host, from, to);
    if (entry == nullptr) return false;
    const Weight weight = entry->weight;
    move(host, entry->vcpu, from, to);
    loads_[at(from)] -= weight;
    loads_[at(to)] += weight;
    means_[at(from)] = queues_[at(from)].mean();
    means_[at(to)] = queues_[at(to)].mean();
    if (queues_[at(to)].busy()) changed_.push_back(to);
    return true;
}

// Of the pCPUs with less load, the one whose vCPUs had most for their weight, if that is worth it.
PcpuId Eevdf::furthest_ahead(PcpuId from) const {
    const Weight load = loads_[at(from)];
    PcpuId best = kNone;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const auto to = static_cast<PcpuId>(i);
        if (queues_[i].size() == 0 || loads_[i] >= load) continue;
        if (best != kNone && means_[i] <= means_[at(best)]) continue;
        if (behind(from, means_[i], nodes_[i] == nodes_[at(from)] ? kNear : kFar)) best = to;
    }
    return best;
}

// The one that leaves both with the most even loads, of such the one that had least.
const Entry* Eevdf::to_move(const Pcpus& host, PcpuId from, PcpuId to) const {
    const Weight more = loads_[at(from)] - loads_[at(to)];
    const Entry* best = nullptr;
    Weight least = loads_[at(from)];  // no worse than putting them all on one
    for (const Entry& entry : queues_[at(from)].ready) {
        const Weight after = std::abs(more - 2 * entry.weight);
        const bool better =
            after < least ||
            (best != nullptr && after == least &&
             (entry.time < best->time || (entry.time == best->time && entry.vcpu < best->vcpu)));
        if (!better || !host.allowed(entry.vcpu, to)) continue;
        best = &entry;
        least = after;
    }
    return best;
}

void Eevdf::move(const Pcpus& host, VcpuId vcpu, PcpuId from, PcpuId to) {
    Entry entry = queues_[at(from)].take(vcpu);
    Queue& queue = queues_[at(to)];
    update(host, to);
    if (queue.size() > 0) {
        // It catches up within some rounds of balancing, or not at all.
        const Virtual mean = queue.mean();
        const Virtual most = virtual_time(4 * settings_.balance, entry.weight);
        entry.time = std::clamp(entry.time, mean - most, mean + most);
    }
    entry.deadline = entry.time + virtual_time(settings_.slice, entry.weight);
    queue.add(entry);
    vcpus_[at(vcpu)].queue = to;
}

}  // namespace hvlab::sim::eevdf
