// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the time went.
#include <algorithm>
#include <utility>

#include "sim/hosts/dispatcher.h"

namespace hvlab::sim {

// Time on a pCPU that the ledger lacks: first what switching still costs, then the vCPU's own.
Dispatcher::Share Dispatcher::share(const Pcpu& pcpu, Duration ran) {
    const Duration overhead = std::min(ran, pcpu.overhead);
    return {.overhead = overhead, .own = ran - overhead};
}

void Dispatcher::settle(VcpuId vcpu) {
    Vcpu& own = own_vcpus_[at(vcpu)];
    const Duration passed = now_ - std::exchange(own.counted, now_);
    if (passed == 0) return;
    const VcpuFacts& facts = vcpus_[at(vcpu)];
    Vm& vm = own_vms_[at(facts.vm)];
    add_time(own, facts, passed, vm.ledger, vm.lost);
    if (facts.state != VcpuState::kRunning) return;
    Pcpu& pcpu = pcpus_[at(facts.pcpu)];
    const Share used = share(pcpu, passed);
    pcpu.overhead -= used.overhead;
    if (own.activity == Activity::kCompute) own.left -= used.own * pcpu.speed;
}

void Dispatcher::add_time(const Vcpu& own, const VcpuFacts& facts, Duration passed,
                          VmLedger& ledger, Work& lost) const {
    switch (facts.state) {
        case VcpuState::kIdle:
            ledger.idle += passed;
            return;
        case VcpuState::kReady:
            (own.held ? ledger.costop : ledger.ready) += passed;
            return;
        case VcpuState::kThrottled:
            ledger.throttled += passed;
            return;
        case VcpuState::kRunning:
            break;
    }
    const Pcpu& pcpu = pcpus_[at(facts.pcpu)];
    const Share used = share(pcpu, passed);
    ledger.run += passed;
    ledger.overhead += used.overhead;
    if (own.activity == Activity::kSpin) {
        ledger.spun += used.own;
    } else {
        lost += used.own * (kWorkPerNanosecond - pcpu.speed);
    }
}

VmLedger Dispatcher::ledger(VmId vm, Time now) const {
    const Vm& own = own_vms_[at(vm)];
    VmLedger result = own.ledger;
    Work lost = own.lost;
    const VmFacts& facts = vms_[at(vm)];
    for (VcpuId vcpu = facts.first; vcpu < facts.first + facts.vcpus; ++vcpu) {
        const Vcpu& at_vcpu = own_vcpus_[at(vcpu)];
        add_time(at_vcpu, vcpus_[at(vcpu)], now - at_vcpu.counted, result, lost);
    }
    result.lost = lost / kWorkPerNanosecond;
    return result;
}

HostLedger Dispatcher::host_ledger(Time now) const {
    HostLedger result = host_;
    for (std::size_t pcpu = 0; pcpu < pcpus_.size(); ++pcpu) {
        if (running_[pcpu] != kNone) result.busy += now - pcpus_[pcpu].busy_from;
    }
    result.idle = static_cast<Duration>(pcpus_.size()) * (now - began_) - result.busy;
    return result;
}

void Dispatcher::reset_ledgers() {
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) settle(static_cast<VcpuId>(vcpu));
    for (Vm& vm : own_vms_) {
        vm.ledger = {};
        vm.lost = 0;
    }
    for (Pcpu& pcpu : pcpus_) pcpu.busy_from = now_;
    host_ = {};
    began_ = now_;
}

}  // namespace hvlab::sim
