// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/gang.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"

namespace hvlab::sim {

namespace gang {

void Gang::start(Pcpus& host) {
    for (const VmFacts& vm : host.vms()) {
        if (static_cast<std::size_t>(vm.vcpus) <= vm.pcpus.size()) continue;
        throw ConfigError("scheduler",
                          "gang: a VM of " + std::to_string(vm.vcpus) + " vCPUs that may run on " +
                              std::to_string(vm.pcpus.size()) + " pCPUs would never run");
    }
    shares_.start(host, slice_);
    vms_.assign(host.vms().size(), Vm{});
    vcpus_.assign(host.vcpus().size(), Vcpu{});
    waiting_ = OrderedQueue<double>(vms_.size());
    woken_.clear();
    woken_.reserve(2 * vcpus_.size());
    changed_.clear();
    changed_.reserve(4 * vcpus_.size());
    on_.reserve(vms_.size());
    started_.reserve(vms_.size());
    target_.assign(index(host.topology().pcpus()), kNone);
    untaken_ = PcpuSet(host.topology().pcpus());
    slot_end_ = 0;
    armed_ = kNever;
    gangs_on_ = 0;
    had_free_ = true;
}

// Brings the gang's service up to now; `change` more of its vCPUs run from now on.
void Gang::count(const Pcpus& host, VmId vm, int change) {
    Vm& own = vms_[index(vm)];
    if (own.running > 0) shares_.charge(vm, own.running * (host.now() - own.counted));
    own.counted = host.now();
    own.running += change;
}

void Gang::enqueue(VmId vm) {
    vms_[index(vm)].key = shares_.time(vm);
    waiting_.insert(vms_[index(vm)].key, vm);
}

void Gang::ready(Pcpus& host, VcpuId vcpu, Wake why) {
    const VmId vm = vm_of(host, vcpu);
    Vm& own = vms_[index(vm)];
    Vcpu& it = vcpus_[index(vcpu)];
    if (why == Wake::kSliceOver) {
        it.runs = false;
        count(host, vm, -1);
    } else {
        it.wants = true;
        if (own.wanting++ == 0) enqueue(vm);
    }
    if (own.on) woken_.push_back(vcpu);
    changed_.push_back(vm);
}

void Gang::stopped(Pcpus& host, VcpuId vcpu) {
    const VmId vm = vm_of(host, vcpu);
    Vm& own = vms_[index(vm)];
    Vcpu& it = vcpus_[index(vcpu)];
    if (it.runs) count(host, vm, -1);
    if (it.held) host.hold(vcpu, false);
    it = Vcpu{};
    changed_.push_back(vm);
    if (--own.wanting > 0) return;
    if (own.on) {
        --gangs_on_;
    } else {
        waiting_.remove(own.key, vm);
    }
    own.on = own.costopped = own.held = false;
}

void Gang::assign(Pcpus& host) {
    admit_woken(host);
    if (host.now() >= slot_end_ || gangs_on_ == 0) {
        begin_slot(host);
    } else if (alternate_) {
        fill(host);
    }
    update_holds(host);
    if (!waiting_.empty()) shares_.waits(waiting_.front().id);
    arm(host);
}

// A vCPU of a running gang joins it, if there is a pCPU for it; else all of them wait.
void Gang::admit_woken(Pcpus& host) {
    for (const VcpuId vcpu : woken_) {
        const VmId vm = vm_of(host, vcpu);
        if (!vms_[index(vm)].on || !vcpus_[index(vcpu)].wants || vcpus_[index(vcpu)].runs) continue;
        if (const PcpuId pcpu = best_free_pcpu(host, vcpu); pcpu != kNone) {
            run(host, pcpu, vcpu);
        } else {
            costop(host, vm);
        }
    }
    woken_.clear();
}

void Gang::costop(Pcpus& host, VmId vm) {
    const VmFacts& is = facts(host, vm);
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        if (vcpus_[index(vcpu)].runs) take_off(host, host.vcpus()[index(vcpu)].pcpu);
    }
    Vm& own = vms_[index(vm)];
    own.on = false;
    own.costopped = true;
    --gangs_on_;
    enqueue(vm);
}

// Puts whole gangs on pCPUs that are free.
void Gang::fill(Pcpus& host) {
    int left = free_pcpus(host);
    // The one that runs leaves the line: look again from the start of it.
    bool found = left > 0;
    while (found) {
        found = false;
        for (const auto& entry : waiting_) {
            const VmId vm = entry.id;
            Vm& own = vms_[index(vm)];
            if (own.wanting > free_pcpus(host, vm, left)) continue;
            waiting_.remove(own.key, vm);
            own.on = true;
            own.costopped = false;
            ++gangs_on_;
            hold(host, vm, false);
            const VmFacts& is = facts(host, vm);
            for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
                if (vcpus_[index(vcpu)].wants) run(host, best_free_pcpu(host, vcpu), vcpu);
            }
            left -= own.wanting;
            found = left > 0;
            break;
        }
    }
}

int Gang::free_pcpus(const Pcpus& host) {
    int free = 0;
    for (PcpuId pcpu = host.free_from(0); pcpu != kNone; pcpu = host.free_from(pcpu + 1)) ++free;
    return free;
}

// Where the VM may run; `all`: those of the host.
int Gang::free_pcpus(const Pcpus& host, VmId vm, int all) const {
    if (anywhere(host, vm)) return all;
    int free = 0;
    for (const PcpuId pcpu : facts(host, vm).pcpus) {
        free += host.running()[index(pcpu)] == kNone ? 1 : 0;
    }
    return free;
}

// A row of the matrix: as many whole gangs as there are pCPUs for, the least served first.
void Gang::begin_slot(Pcpus& host) {
    slot_end_ = host.now() + slice_;
    had_free_ = had_free_ || host.free_from(0) != kNone;
    choose_gangs(host);
    const auto running = host.running();
    for (PcpuId pcpu = 0; pcpu < static_cast<PcpuId>(target_.size()); ++pcpu) {
        const VcpuId vcpu = running[index(pcpu)];
        if (vcpu != kNone && vcpu != target_[index(pcpu)]) take_off(host, pcpu);
    }
    for (PcpuId pcpu = 0; pcpu < static_cast<PcpuId>(target_.size()); ++pcpu) {
        const VcpuId vcpu = target_[index(pcpu)];
        if (vcpu != kNone && !vcpus_[index(vcpu)].runs) run(host, pcpu, vcpu);
    }
    for (const VmId vm : started_) {
        Vm& own = vms_[index(vm)];
        waiting_.remove(own.key, vm);
        own.costopped = false;
        hold(host, vm, false);
    }
    for (const auto& [service, vm] : on_) {
        if (!vms_[index(vm)].on) enqueue(vm);
    }
}

void Gang::choose_gangs(const Pcpus& host) {
    on_.clear();
    started_.clear();
    for (VmId vm = 0; vm < static_cast<VmId>(vms_.size()); ++vm) {
        if (!vms_[index(vm)].on) continue;
        count(host, vm, 0);
        on_.emplace_back(shares_.time(vm), vm);
    }
    std::ranges::sort(on_);
    std::ranges::fill(target_, kNone);
    for (PcpuId pcpu = 0; pcpu < static_cast<PcpuId>(target_.size()); ++pcpu) untaken_.add(pcpu);
    gangs_on_ = 0;
    auto left = static_cast<int>(target_.size());
    const auto choose = [&](VmId vm) {
        Vm& own = vms_[index(vm)];
        own.on = own.wanting <= left && reserve(host, vm);
        if (!own.on) return false;
        ++gangs_on_;
        left -= own.wanting;
        return true;
    };
    auto on = on_.begin();
    const auto* waiting = waiting_.begin();
    while (on != on_.end() || (left > 0 && waiting != waiting_.end())) {
        if (waiting == waiting_.end() ||
            (on != on_.end() && *on < std::pair(waiting->key, VmId{waiting->id}))) {
            choose((on++)->second);
        } else {
            if (choose(waiting->id)) started_.push_back(waiting->id);
            ++waiting;
        }
    }
}

// Targets for all of its vCPUs that want to run, or for none. The host has enough that are free.
bool Gang::reserve(const Pcpus& host, VmId vm) {
    const VmFacts& is = facts(host, vm);
    if (vms_[index(vm)].on && stays(host, vm)) {
        for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
            if (vcpus_[index(vcpu)].runs) set_target(host.vcpus()[index(vcpu)].pcpu, vcpu);
        }
        return true;
    }
    if (!anywhere(host, vm)) {
        const auto free = std::ranges::count_if(
            is.pcpus, [this](PcpuId pcpu) { return target_[index(pcpu)] == kNone; });
        if (free < vms_[index(vm)].wanting) return false;
    }
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        if (vcpus_[index(vcpu)].wants) set_target(best_target(host, vcpu), vcpu);
    }
    return true;
}

void Gang::set_target(PcpuId pcpu, VcpuId vcpu) {
    target_[index(pcpu)] = vcpu;
    untaken_.remove(pcpu);
}

// No better served gang has been given one of its pCPUs.
bool Gang::stays(const Pcpus& host, VmId vm) const {
    const VmFacts& is = facts(host, vm);
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        if (vcpus_[index(vcpu)].runs && target_[index(host.vcpus()[index(vcpu)].pcpu)] != kNone) {
            return false;
        }
    }
    return true;
}

// The pCPU that it ran on last; else one at its VM's memory; of those, one that is free, the
// lowest.
PcpuId Gang::best_target(const Pcpus& host, VcpuId vcpu) const {
    const PcpuId last = host.vcpus()[index(vcpu)].pcpu;
    if (last != kNone && untaken_.has(last)) return last;
    const VmId vm = vm_of(host, vcpu);
    const bool all = anywhere(host, vm);
    const auto best_of = [&](PcpuId first, PcpuId end) {
        PcpuId best = kNone;
        for (PcpuId pcpu = untaken_.from(first); pcpu != kNone && pcpu < end;
             pcpu = untaken_.from(pcpu + 1)) {
            if (!all && !host.allowed(vcpu, pcpu)) continue;
            if (!had_free_ || host.running()[index(pcpu)] == kNone) return pcpu;
            if (best == kNone) best = pcpu;
        }
        return best;
    };
    const int of_node = host.topology().pcpus_of_node();
    const PcpuId home = facts(host, vm).home * of_node;
    const PcpuId near = best_of(home, home + of_node);
    return near != kNone ? near : best_of(0, host.topology().pcpus());
}

// Until its gang is stopped.
void Gang::run(Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    count(host, vm_of(host, vcpu), 1);
    vcpus_[index(vcpu)].runs = true;
    if (std::exchange(vcpus_[index(vcpu)].held, false)) host.hold(vcpu, false);
    host.run(pcpu, vcpu, kNever);
}

void Gang::take_off(Pcpus& host, PcpuId pcpu) {
    const VcpuId vcpu = host.running()[index(pcpu)];
    host.preempt(pcpu);
    vcpus_[index(vcpu)].runs = false;
    count(host, vm_of(host, vcpu), -1);
}

// A gang that waits though one of its vCPUs alone could run is co-stopped.
void Gang::update_holds(Pcpus& host) {
    const int free = free_pcpus(host);
    const auto update = [&](VmId vm) {
        const Vm& own = vms_[index(vm)];
        if (own.wanting == 0 || own.on) return;
        hold(host, vm, own.costopped || (free > 0 && free_pcpus(host, vm, free) > 0));
    };
    if (free > 0 || had_free_) {
        for (const auto& entry : waiting_) update(entry.id);
    } else {
        for (const VmId vm : changed_) update(vm);
    }
    changed_.clear();
    had_free_ = free > 0;
}

void Gang::hold(Pcpus& host, VmId vm, bool held) {
    if (!held && !vms_[index(vm)].held) return;
    vms_[index(vm)].held = held;
    const VmFacts& is = facts(host, vm);
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        Vcpu& it = vcpus_[index(vcpu)];
        if (!it.wants || it.held == held) continue;
        it.held = held;
        host.hold(vcpu, held);
    }
}

void Gang::arm(Pcpus& host) {
    const Time next = gangs_on_ > 0 ? slot_end_ : kNever;
    if (next == armed_) return;
    armed_ = next;
    host.set_timer(next);
}

}  // namespace gang

namespace {

constexpr std::array kParameters = {
    Parameter{.name = "slice",
              .type = Parameter::Type::kDuration,
              .meaning = "length of a time slot, at the end of which gangs are chosen anew",
              .preset = "10ms",
              .least = 100 * kMicrosecond,
              .most = 10 * kSecond},
    Parameter{.name = "alternate",
              .type = Parameter::Type::kFlag,
              .meaning = "within a slot, whole gangs that fit are put on pCPUs that are free",
              .preset = "true"},
};

std::unique_ptr<Scheduler> make_gang(const Values& values) {
    return std::make_unique<gang::Gang>(values.duration("slice"), values.flag("alternate"));
}

}  // namespace

constinit const SchedulerKind kGang = {
    .name = "gang",
    .meaning =
        "Strict gang scheduling: all vCPUs of a VM that want to run do so at the same time, or "
        "none does.",
    .source =
        "J. K. Ousterhout: Scheduling Techniques for Concurrent Systems, ICDCS 1982; D. G. "
        "Feitelson, L. Rudolph: Gang Scheduling Performance Benefits for Fine-Grain "
        "Synchronization, JPDC 16(4), 1992",
    .promises = {.work_conserving = false, .weights = true, .coscheduling = true},
    .parameters = kParameters,
    .make = make_gang,
};

}  // namespace hvlab::sim
