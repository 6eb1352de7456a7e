// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/vm_queue.h"

#include <algorithm>
#include <limits>

namespace hvlab::sim {

void VmQueue::start(const Pcpus& host, Duration slice) {
    slice_ = slice;
    shares_.start(host, slice);
    reservations_.start(host);
    vcpus_.assign(host.vcpus().size(), Is::kAbsent);
    vm_of_.clear();
    for (const VcpuFacts& vcpu : host.vcpus()) vm_of_.push_back(vcpu.vm);
    vms_.assign(host.vms().size(), Vm{});
    const auto pcpus = index(host.topology().pcpus());
    all_anywhere_ = true;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        vms_[vm].anywhere = host.vms()[vm].pcpus.size() == pcpus;
        all_anywhere_ = all_anywhere_ && vms_[vm].anywhere;
    }
    ran_on_.assign(vms_.size(), 0);
    order_ = OrderedQueue<double>(vms_.size());
    stale_.clear();
    stale_.reserve(vms_.size());
}

void VmQueue::begin_instant(const Pcpus& host) {
    if (reservations_.vms().empty() || !reservations_.begin_period(host.now())) return;
    for (const VmId vm : reservations_.vms()) {
        shares_.forgive(vm, host.accounting_period());
        touch(vm);
    }
}

void VmQueue::end_instant() {
    flush();
    if (!order_.empty()) shares_.waits(order_.front().id);
}

// Brings those touched to their places in the order.
void VmQueue::flush() {
    // Neighbours by number often are in the order, too: their places are found sooner.
    if (stale_.size() > 8) std::ranges::sort(stale_);
    for (const VmId vm : stale_) {
        Vm& own = vms_[index(vm)];
        own.stale = false;
        const bool waits = own.waiting > 0;
        const double key = shares_.after_slices(vm, own.running);
        if (waits == own.queued && (!waits || key == own.key)) continue;
        if (own.queued) order_.remove(own.key, vm);
        own.queued = waits;
        own.key = key;
        if (waits) order_.insert(key, vm);
    }
    stale_.clear();
}

VmId VmQueue::most_pressing(const Pcpus& host, PcpuId pcpu) const {
    if (reservations_.vms().empty()) return kNone;
    VmId best = kNone;
    Duration least = std::numeric_limits<Duration>::max();
    for (const VmId vm : reservations_.vms()) {
        if (of(vm).waiting == 0 || !below_reservation(vm, host.now())) continue;
        const Duration laxity = reservations_.laxity(vm, of(vm).wanting, host.now());
        if (laxity >= least || (pcpu != kNone && !may_run(host, vm, pcpu))) continue;
        least = laxity;
        best = vm;
    }
    return best;
}

VmId VmQueue::next(const Pcpus& host, PcpuId pcpu, bool affine) {
    if (empty()) return kNone;
    if (const VmId vm = most_pressing(host, pcpu); vm != kNone) return vm;

    constexpr int kLooks = 8;
    VmId first = kNone;
    double first_key = 0;
    int looks = 0;
    for (const auto& [key, vm] : order_) {
        if (!may_run(host, vm, pcpu)) continue;
        if (first == kNone) {
            first = vm;
            first_key = key;
        }
        if (!affine) break;
        if (++looks > kLooks) break;
        if (key > first_key && key > first_key + shares_.slice_cost(vm)) break;
        if ((ran_on_[index(vm)] & bit(pcpu)) != 0 && waits_for_turn_on(host, vm, pcpu)) return vm;
    }
    return first;
}

bool VmQueue::waits_for_turn_on(const Pcpus& host, VmId vm, PcpuId pcpu) {
    const VmFacts& facts = host.vms()[index(vm)];
    const auto vcpus = host.vcpus();
    std::uint64_t ran_on = 0;
    for (VcpuId vcpu = facts.first; vcpu < facts.first + facts.vcpus; ++vcpu) {
        const PcpuId last = vcpus[index(vcpu)].pcpu;
        if (last != kNone && is(vcpu) != Is::kRunning) ran_on |= bit(last);
    }
    ran_on_[index(vm)] = ran_on;
    if ((ran_on & bit(pcpu)) == 0) return false;
    return vcpus[index(turn(host, vm, pcpu))].pcpu == pcpu;
}

// One whose own turn just ended has not waited at all, and goes to the end of the line.
VcpuId VmQueue::turn(const Pcpus& host, VmId vm, PcpuId pcpu) const {
    const VmFacts& facts = host.vms()[index(vm)];
    if (facts.vcpus == 1) return facts.first;
    const auto vcpus = host.vcpus();
    const auto before = [&](VcpuId a, VcpuId b) {
        const VcpuFacts& x = vcpus[index(a)];
        const VcpuFacts& y = vcpus[index(b)];
        return x.since != y.since ? x.since < y.since : x.ran < y.ran;
    };
    VcpuId first = kNone;
    VcpuId here = kNone;  // the first of those that ran there
    for (VcpuId vcpu = facts.first; vcpu < facts.first + facts.vcpus; ++vcpu) {
        if (!waits(vcpu)) continue;
        if (first == kNone || before(vcpu, first)) first = vcpu;
        if (vcpus[index(vcpu)].pcpu == pcpu && (here == kNone || before(vcpu, here))) here = vcpu;
    }
    if (here == kNone) return first;
    const VcpuFacts& near = vcpus[index(here)];
    const VcpuFacts& longest = vcpus[index(first)];
    const bool costs_a_slice_at_most =
        near.since - longest.since <= slice_ && near.ran - longest.ran <= slice_;
    return costs_a_slice_at_most && near.since < host.now() ? here : first;
}

PcpuId VmQueue::victim(const Pcpus& host, VmId vm, Duration least_run, bool by_share) const {
    const Time now = host.now();
    const bool pressing = below_reservation(vm, now);
    if (!pressing && !by_share) return kNone;
    const Duration laxity = reservations_.laxity(vm, std::max(of(vm).wanting, 1), now);
    const double after = shares_.after_slices(vm, of(vm).running + 1);
    PcpuId best = kNone;
    double most = pressing ? -std::numeric_limits<double>::infinity() : after;
    PcpuId laxest = kNone;
    Duration most_laxity = laxity + kCheck;
    const auto running = host.running();
    const auto vcpus = host.vcpus();
    for (PcpuId pcpu = 0; pcpu < static_cast<PcpuId>(running.size()); ++pcpu) {
        const VcpuId vcpu = running[index(pcpu)];
        if (vcpu == kNone || vm_of_[index(vcpu)] == vm || !may_run(host, vm, pcpu)) continue;
        const VmId other = vm_of_[index(vcpu)];
        if (below_reservation(other, now)) {
            const Duration found = reservations_.laxity(other, of(other).wanting, now);
            if (found <= most_laxity) continue;
            most_laxity = found;
            laxest = pcpu;
            continue;
        }
        const double has = shares_.after_slices(other, of(other).running);
        if (has <= most) continue;
        if (!pressing && now - vcpus[index(vcpu)].since < least_run) continue;
        most = has;
        best = pcpu;
    }
    return best != kNone || !pressing ? best : laxest;
}

Duration VmQueue::slice(const Pcpus& host, VmId vm) const {
    const Duration lacks = reservations_.lacks(vm, host.now());
    if (lacks == 0) return slice_;
    return std::min(std::max(lacks / of(vm).wanting, kShortest), slice_);
}

Time VmQueue::next_check(const Pcpus& host) const {
    if (most_pressing(host) == kNone) return reservations_.period_end();
    return std::min(reservations_.period_end(), (host.now() / kCheck + 1) * kCheck);
}

void VmQueue::save(StateWriter& writer) const {
    shares_.save(writer);
    reservations_.save(writer);
    for (const Is state : vcpus_) writer.put(state);
}

void VmQueue::load(StateReader& reader) {
    shares_.load(reader);
    reservations_.load(reader);
    std::ranges::fill(vcpus_, Is::kAbsent);
    for (Vm& vm : vms_) vm = Vm{.anywhere = vm.anywhere};
    std::ranges::fill(ran_on_, ~std::uint64_t{0});
    order_.clear();
    stale_.clear();
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        const auto state = reader.get_in<std::uint8_t>(0, 3, "state of a vCPU");
        if (state != 0) set(vcpu, static_cast<Is>(state));
    }
    flush();
}

void VmQueue::check(const Pcpus& host) const {
    reservations_.check(host);
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) {
        const VcpuFacts& facts = host.vcpus()[vcpu];
        const bool running = facts.state == VcpuState::kRunning;
        const bool wants = vcpus_[vcpu] != Is::kAbsent;
        if (wants == wants_pcpu(facts) && running == (vcpus_[vcpu] == Is::kRunning)) continue;
        throw StateError("a scheduler and its host have a vCPU in different states");
    }
}

}  // namespace hvlab::sim
