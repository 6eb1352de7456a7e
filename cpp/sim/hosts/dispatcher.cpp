// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/dispatcher.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/status.h"

namespace hvlab::sim {

Dispatcher::Dispatcher(const HostGroup& group, std::span<const HostedVm> vms, Policy policy,
                       std::uint64_t stream_key, QuantumAgenda& agenda, const QuantumSlots& slots)
    : topology_(group),
      speeds_(group),
      context_switch_(group.context_switch),
      migration_(group.migration),
      remote_migration_(group.remote_migration),
      accounting_period_(group.accounting_period),
      policy_(std::move(policy)),
      agenda_(agenda),
      slots_(slots),
      stream_(stream_key),
      all_pcpus_(at(group.pcpus())),
      running_(at(group.pcpus()), kNone),
      pcpus_(at(group.pcpus())),
      free_(group.pcpus()),
      dirty_(group.pcpus()) {
    std::iota(all_pcpus_.begin(), all_pcpus_.end(), 0);
    for (const PcpuId pcpu : all_pcpus_) {
        free_.add(pcpu);
        pcpus_[at(pcpu)].node = topology_.node(pcpu);
    }
    for (const HostedVm& vm : vms) add_vm(group, *vm.group);
}

void Dispatcher::add_vm(const HostGroup& group, const VmGroup& vm) {
    const auto id = static_cast<VmId>(vms_.size());
    VmFacts& facts = vms_.emplace_back();
    Vm& own = own_vms_.emplace_back();
    facts.first = static_cast<VcpuId>(vcpus_.size());
    facts.vcpus = vm.vcpus;
    facts.weight = vm.weight;
    facts.reservation = vm.reservation;
    facts.limit = vm.limit.value_or(std::numeric_limits<double>::infinity());
    if (vm.limit) {
        own.limit = Limit(*vm.limit, group.accounting_period);
        limited_.push_back(id);
    }
    restrict_to(vm.pcpus, own, facts);

    // Memory is spread over the nodes where the VM may run.
    std::vector<int> nodes;
    for (const PcpuId pcpu : facts.pcpus) {
        if (nodes.empty() || nodes.back() != topology_.node(pcpu)) {
            nodes.push_back(topology_.node(pcpu));
        }
    }
    facts.home = nodes[at(id) % nodes.size()];
    for (int i = 0; i < vm.vcpus; ++i) {
        vcpus_.emplace_back().vm = id;
        own_vcpus_.emplace_back();
    }
}

void Dispatcher::restrict_to(const std::vector<int>& pcpus, Vm& own, VmFacts& facts) {
    std::vector<PcpuId> list = pcpus;
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
    if (list.empty() || list == all_pcpus_) {
        facts.pcpus = all_pcpus_;
        return;
    }
    HVLAB_ASSERT(list.front() >= 0 && list.back() < topology_.pcpus());
    const auto known = std::ranges::find(pcpu_lists_, list);
    own.allowed = static_cast<int>(known - pcpu_lists_.begin());
    if (known == pcpu_lists_.end()) {
        PcpuSet& set = pcpu_sets_.emplace_back(topology_.pcpus());
        for (const PcpuId pcpu : list) set.add(pcpu);
        pcpu_lists_.push_back(std::move(list));
    }
    facts.pcpus = pcpu_lists_[at(own.allowed)];
}

bool Dispatcher::allowed(VcpuId vcpu, PcpuId pcpu) const {
    if (pcpu_sets_.empty()) return true;
    const int set = own_vms_[at(vcpus_[at(vcpu)].vm)].allowed;
    return set < 0 || pcpu_sets_[at(set)].has(pcpu);
}

// Lemire: Fast Random Integer Generation in an Interval, ACM TOMACS 29(1), 2019.
std::uint64_t Dispatcher::random(std::uint64_t bound) {
    if (bound == 0) refuse("asked for a random number below 0");
    using Wide = unsigned __int128;
    Wide product = Wide{stream_.bits()} * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
        const std::uint64_t least = (0 - bound) % bound;
        while (static_cast<std::uint64_t>(product) < least) {
            product = Wide{stream_.bits()} * bound;
        }
    }
    return static_cast<std::uint64_t>(product >> 64);
}

void Dispatcher::run(PcpuId pcpu, VcpuId vcpu, Duration slice) {
    check_run(pcpu, vcpu, slice);
    settle(vcpu);
    switch_costs(pcpu, vcpu);
    VcpuFacts& facts = vcpus_[at(vcpu)];
    facts.state = VcpuState::kRunning;
    facts.pcpu = pcpu;
    facts.since = now_;
    own_vcpus_[at(vcpu)].charged = now_;
    Pcpu& own = pcpus_[at(pcpu)];
    own.last = vcpu;
    own.slice_end = after(now_, slice);
    own.busy_from = now_;
    running_[at(pcpu)] = vcpu;
    free_.remove(pcpu);
    --ready_;
    ++busy_pcpus_;
    change_running(facts.vm, 1);
    occupancy_changed(pcpu);
}

// A vCPU that ran elsewhere meanwhile has left this pCPU, though no other came.
void Dispatcher::switch_costs(PcpuId pcpu, VcpuId vcpu) {
    Pcpu& own = pcpus_[at(pcpu)];
    const VcpuFacts& facts = vcpus_[at(vcpu)];
    own.overhead = 0;
    if (own.last == vcpu && facts.pcpu == pcpu) return;
    VmLedger& ledger = own_vms_[at(facts.vm)].ledger;
    own.overhead = context_switch_;
    ++ledger.switches;
    ++host_.switches;
    if (facts.pcpu == kNone || topology_.core(facts.pcpu) == topology_.core(pcpu)) return;
    own.overhead += pcpus_[at(facts.pcpu)].node == own.node ? migration_ : remote_migration_;
    ++ledger.migrations;
    ++host_.migrations;
}

void Dispatcher::extend(PcpuId pcpu, Duration slice) {
    check_busy(pcpu, "extend", slice);
    Pcpu& own = pcpus_[at(pcpu)];
    own.slice_end = after(now_, slice);
    own.stale = true;
    dirty_.add(pcpu);
}

void Dispatcher::preempt(PcpuId pcpu) {
    check_busy(pcpu, "preempt", kNever);
    take_off(pcpu, VcpuState::kReady);
}

void Dispatcher::hold(VcpuId vcpu, bool held) {
    if (vcpu < 0 || at(vcpu) >= vcpus_.size()) {
        refuse("hold() of vCPU " + std::to_string(vcpu) + ", which there is none of");
    }
    if (vcpus_[at(vcpu)].state == VcpuState::kReady) settle(vcpu);
    own_vcpus_[at(vcpu)].held = held;
}

void Dispatcher::set_timer(Time at) {
    if (at < now_) {
        refuse("set_timer(" + std::to_string(at) + ") is in the past: it is " +
               std::to_string(now_) + " ns");
    }
    agenda_.set(slots_.scheduler_timer, at);
}

void Dispatcher::set_activity(VcpuId vcpu, Activity activity, Duration work) {
    settle(vcpu);
    Vcpu& own = own_vcpus_[at(vcpu)];
    own.activity = activity;
    own.left = 0;
    if (activity == Activity::kCompute) {
        own.left = work * kWorkPerNanosecond - std::exchange(own.ahead, 0);
    }
    const VcpuFacts& facts = vcpus_[at(vcpu)];
    const bool idle = activity == Activity::kIdle;
    switch (facts.state) {
        case VcpuState::kIdle:
            if (!idle) wake(vcpu, Wake::kWoke);
            return;
        case VcpuState::kThrottled:
            if (idle) enter(vcpu, VcpuState::kIdle);
            return;
        case VcpuState::kReady:
            if (idle) stop(vcpu, VcpuState::kIdle);
            return;
        case VcpuState::kRunning:
            if (idle) {
                stop(vcpu, VcpuState::kIdle);
            } else {
                pcpus_[at(facts.pcpu)].stale = true;
                dirty_.add(facts.pcpu);
            }
            return;
    }
}

VcpuId Dispatcher::work_done(PcpuId pcpu) {
    const VcpuId vcpu = running_[at(pcpu)];
    if (vcpu == kNone) return kNone;
    settle(vcpu);
    Vcpu& own = own_vcpus_[at(vcpu)];
    if (own.activity != Activity::kCompute || own.left > 0) return kNone;
    own.ahead = -std::exchange(own.left, 0);
    own.activity = Activity::kIdle;
    return vcpu;
}

void Dispatcher::end_turn(PcpuId pcpu) {
    const VcpuId vcpu = running_[at(pcpu)];
    if (vcpu == kNone) return;
    if (own_vcpus_[at(vcpu)].activity == Activity::kIdle) {
        stop(vcpu, VcpuState::kIdle);
    } else if (pcpus_[at(pcpu)].slice_end <= now_) {
        take_off(pcpu, VcpuState::kReady);
        policy_.scheduler->ready(*this, vcpu, Wake::kSliceOver);
    } else {
        pcpus_[at(pcpu)].stale = true;
        dirty_.add(pcpu);
    }
}

void Dispatcher::limit_used_up(VmId vm) {
    Limit& limit = own_vms_[at(vm)].limit;
    change_running(vm, 0);
    if (limit.throttled() || limit.used_up() > now_) return;
    limit.throttle();
    const VmFacts& facts = vms_[at(vm)];
    for (VcpuId vcpu = facts.first; vcpu < facts.first + facts.vcpus; ++vcpu) {
        const VcpuState state = vcpus_[at(vcpu)].state;
        if (state == VcpuState::kReady || state == VcpuState::kRunning) {
            stop(vcpu, VcpuState::kThrottled);
        }
    }
    change_running(vm, 0);
}

void Dispatcher::account() {
    for (const VcpuId vcpu : running_) {
        if (vcpu != kNone) charge(vcpu);
    }
    for (const VmId vm : limited_) {
        Limit& limit = own_vms_[at(vm)].limit;
        const bool throttled = limit.throttled();
        limit.refill(now_);
        change_running(vm, 0);
        if (!throttled) continue;
        const VmFacts& facts = vms_[at(vm)];
        for (VcpuId vcpu = facts.first; vcpu < facts.first + facts.vcpus; ++vcpu) {
            if (vcpus_[at(vcpu)].state == VcpuState::kThrottled) wake(vcpu, Wake::kUnthrottled);
        }
    }
    told_ = true;
}

void Dispatcher::assign() {
    if (!std::exchange(told_, false)) return;
    in_policy_ = true;
    policy_.scheduler->assign(*this);
    in_policy_ = false;
    check_progress();
}

void Dispatcher::run_timer() {
    told_ = true;
    in_policy_ = true;
    policy_.scheduler->timer(*this);
    in_policy_ = false;
}

void Dispatcher::flush() {
    for (PcpuId pcpu = dirty_.from(0); pcpu != kNone; pcpu = dirty_.from(pcpu + 1)) {
        dirty_.remove(pcpu);
        set_stop(pcpu);
    }
}

void Dispatcher::set_stop(PcpuId pcpu) {
    Pcpu& own = pcpus_[at(pcpu)];
    const VcpuId vcpu = running_[at(pcpu)];
    const bool stale = std::exchange(own.stale, false);
    if (vcpu == kNone) {
        agenda_.clear(stop_slot(pcpu));
        return;
    }
    const int fast = speed(pcpu);
    if (!stale && fast == own.speed) return;
    settle(vcpu);  // at the speed it had
    own.speed = fast;
    Time stop = own.slice_end;
    const Vcpu& occupant = own_vcpus_[at(vcpu)];
    if (occupant.activity == Activity::kCompute) {
        stop = std::min(stop, now_ + own.overhead + time_for(occupant.left, fast));
    }
    agenda_.set(stop_slot(pcpu), stop);
}

int Dispatcher::speed(PcpuId pcpu) const {
    const int threads = topology_.threads();
    bool shared = false;
    if (threads > 1) {
        const PcpuId first = pcpu - pcpu % threads;
        for (PcpuId sibling = first; sibling < first + threads; ++sibling) {
            shared = shared || (sibling != pcpu && running_[at(sibling)] != kNone);
        }
    }
    const VmId vm = vcpus_[at(running_[at(pcpu)])].vm;
    return speeds_.of(shared, pcpus_[at(pcpu)].node != vms_[at(vm)].home);
}

void Dispatcher::occupancy_changed(PcpuId pcpu) {
    pcpus_[at(pcpu)].stale = true;
    const int threads = topology_.threads();
    if (threads == 1) {
        dirty_.add(pcpu);
        return;
    }
    const PcpuId first = pcpu - pcpu % threads;
    for (PcpuId sibling = first; sibling < first + threads; ++sibling) dirty_.add(sibling);
}

void Dispatcher::change_running(VmId vm, int change) {
    if (limited_.empty()) return;
    Limit& limit = own_vms_[at(vm)].limit;
    if (!limit.limited()) return;
    limit.change_running(now_, change);
    agenda_.set(slots_.limits + static_cast<Agenda::Slot>(vm), limit.used_up());
}

void Dispatcher::wake(VcpuId vcpu, Wake why) {
    if (own_vms_[at(vcpus_[at(vcpu)].vm)].limit.throttled()) {
        enter(vcpu, VcpuState::kThrottled);
        return;
    }
    enter(vcpu, VcpuState::kReady);
    told_ = true;
    policy_.scheduler->ready(*this, vcpu, why);
}

void Dispatcher::stop(VcpuId vcpu, VcpuState state) {
    const VcpuFacts& facts = vcpus_[at(vcpu)];
    if (facts.state == VcpuState::kRunning) {
        take_off(facts.pcpu, state);
    } else {
        enter(vcpu, state);
    }
    told_ = true;
    policy_.scheduler->stopped(*this, vcpu);
}

void Dispatcher::take_off(PcpuId pcpu, VcpuState state) {
    const VcpuId vcpu = running_[at(pcpu)];
    settle(vcpu);
    VcpuFacts& facts = vcpus_[at(vcpu)];
    facts.ran += now_ - facts.since;
    facts.progress += now_ - facts.since;
    facts.state = state;
    facts.since = now_;
    if (state == VcpuState::kReady) ++ready_;
    host_.busy += now_ - pcpus_[at(pcpu)].busy_from;
    running_[at(pcpu)] = kNone;
    free_.add(pcpu);
    --busy_pcpus_;
    occupancy_changed(pcpu);
    change_running(facts.vm, -1);
    charge(vcpu);
}

void Dispatcher::charge(VcpuId vcpu) {
    const Duration ran = now_ - std::exchange(own_vcpus_[at(vcpu)].charged, now_);
    told_ = true;
    policy_.scheduler->charge(*this, vcpu, ran);
}

// From one state off the pCPUs to another.
void Dispatcher::enter(VcpuId vcpu, VcpuState state) {
    settle(vcpu);
    VcpuFacts& facts = vcpus_[at(vcpu)];
    if (facts.state == VcpuState::kIdle) facts.progress += now_ - facts.since;
    ready_ += (state == VcpuState::kReady ? 1 : 0) - (facts.state == VcpuState::kReady ? 1 : 0);
    facts.state = state;
    facts.since = now_;
}

bool Dispatcher::wants_pcpu(VcpuId vcpu) const {
    return own_vcpus_[at(vcpu)].activity != Activity::kIdle;
}

}  // namespace hvlab::sim
