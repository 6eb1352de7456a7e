// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/eevdf_queue.h"

#include <algorithm>

#include "core/base/status.h"

namespace hvlab::sim::eevdf {

namespace {

using Wide = __int128;

// Before the other in the order of choice; no two are equal.
bool before(const Entry& a, const Entry& b) {
    return a.deadline < b.deadline || (a.deadline == b.deadline && a.vcpu < b.vcpu);
}

// On both sides of 0: whoever is at the mean is eligible.
Virtual rounded_down(Wide sum, Weight weight) {
    if (const auto narrow = static_cast<std::int64_t>(sum); narrow == sum) {
        return narrow / weight - (narrow % weight < 0 ? 1 : 0);
    }
    return static_cast<Virtual>(sum / weight - (sum % weight < 0 ? 1 : 0));
}

void save_entry(StateWriter& writer, const Entry& entry) {
    writer.put(entry.vcpu);
    writer.put(entry.weight);
    writer.put(entry.time);
    writer.put(entry.deadline);
}

Entry load_entry(StateReader& reader, VcpuId first, VcpuId last) {
    Entry entry;
    entry.vcpu = reader.get_in(first, last, "vCPU in a queue");
    entry.weight =
        reader.get_in<Weight>(entry.vcpu == kNone ? 0 : 1, kMostWeight, "weight of a vCPU");
    entry.time = reader.get_in(-Queue::kEarliest, Queue::kLatest, "virtual time of a vCPU");
    entry.deadline = reader.get_in(-Queue::kEarliest, Queue::kLatest, "deadline of a vCPU");
    return entry;
}

}  // namespace

Weight Queue::load() const {
    Weight sum = busy() ? current.weight : 0;
    for (const Entry& entry : ready) sum += entry.weight;
    return sum;
}

Virtual Queue::mean() const {
    HVLAB_ASSERT(size() > 0);
    const Virtual base = busy() ? current.time : ready.front().time;
    Wide sum = 0;
    Weight weight = busy() ? current.weight : 0;
    for (const Entry& entry : ready) {
        sum += static_cast<Wide>(entry.time - base) * entry.weight;
        weight += entry.weight;
    }
    return base + rounded_down(sum, weight);
}

const Entry* Queue::first(bool with_current) const {
    with_current = with_current && busy();
    if (ready.empty()) return with_current ? &current : nullptr;
    const Virtual base = ready.front().time;
    Wide sum = 0;
    Weight weight = 0;
    if (with_current) {
        sum = static_cast<Wide>(current.time - base) * current.weight;
        weight = current.weight;
    }
    for (const Entry& entry : ready) {
        sum += static_cast<Wide>(entry.time - base) * entry.weight;
        weight += entry.weight;
    }
    const auto eligible = [=](const Entry& entry) {
        return static_cast<Wide>(entry.time - base) * weight <= sum;
    };
    const Entry* best = with_current && eligible(current) ? &current : nullptr;
    for (const Entry& entry : ready) {
        if (eligible(entry) && (best == nullptr || before(entry, *best))) best = &entry;
    }
    return best;
}

Entry Queue::take(VcpuId vcpu) {
    const auto found = std::ranges::find(ready, vcpu, &Entry::vcpu);
    HVLAB_ASSERT(found != ready.end());
    const Entry entry = *found;
    *found = ready.back();
    ready.pop_back();
    return entry;
}

void Queue::restart_time() {
    const Virtual begin = mean();
    const auto shift = [begin](Entry& entry) {
        entry.time -= begin;
        entry.deadline -= begin;
    };
    if (busy()) shift(current);
    std::ranges::for_each(ready, shift);
}

void Queue::save(StateWriter& writer) const {
    save_entry(writer, current);
    writer.put(counted);
    writer.put(static_cast<std::uint32_t>(ready.size()));
    for (const Entry& entry : ready) save_entry(writer, entry);
}

void Queue::load_state(StateReader& reader, VcpuId last_vcpu) {
    current = load_entry(reader, kNone, last_vcpu);
    counted = reader.get_in<Time>(0, kNever, "time of a queue of vCPUs");
    ready.clear();
    const auto size = reader.get_in<std::uint32_t>(0, static_cast<std::uint32_t>(last_vcpu + 1),
                                                   "length of a queue of vCPUs");
    for (std::uint32_t i = 0; i < size; ++i) ready.push_back(load_entry(reader, 0, last_vcpu));
}

}  // namespace hvlab::sim::eevdf
