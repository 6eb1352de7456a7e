// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checkpoints.
#include "sim/schedulers/gang.h"

namespace hvlab::sim::gang {

void Gang::save(StateWriter& writer) const {
    writer.begin("gang", 1);
    shares_.save(writer);
    for (const Vm& vm : vms_) {
        writer.put(vm.counted);
        writer.put(vm.on);
        writer.put(vm.costopped);
        writer.put(vm.held);
    }
    for (const Vm& vm : vms_) {
        writer.put(vm.wanting);
        writer.put(vm.running);
    }
    for (const Vcpu& vcpu : vcpus_) {
        writer.put(vcpu.wants);
        writer.put(vcpu.runs);
        writer.put(vcpu.held);
    }
    writer.put(slot_end_);
    writer.put(armed_);
    writer.put(had_free_);
}

void Gang::load(StateReader& reader) {
    reader.begin("gang", 1);
    shares_.load(reader);
    for (Vm& vm : vms_) {
        vm.counted = reader.get_in<Time>(0, kNever, "time of a gang");
        vm.on = reader.get_bool();
        vm.costopped = reader.get_bool();
        vm.held = reader.get_bool();
    }
    waiting_.clear();
    gangs_on_ = 0;
    const auto vcpus = static_cast<int>(vcpus_.size());
    for (VmId vm = 0; vm < static_cast<VmId>(vms_.size()); ++vm) {
        Vm& own = vms_[index(vm)];
        own.wanting = reader.get_in(0, vcpus, "vCPUs of a gang");
        own.running = reader.get_in(0, vcpus, "running vCPUs of a gang");
        gangs_on_ += own.on ? 1 : 0;
        if (own.wanting > 0 && !own.on) enqueue(vm);
    }
    for (Vcpu& vcpu : vcpus_) {
        vcpu.wants = reader.get_bool();
        vcpu.runs = reader.get_bool();
        vcpu.held = reader.get_bool();
    }
    slot_end_ = reader.get_in<Time>(0, kNever, "end of a slot");
    armed_ = reader.get_in<Time>(0, kNever, "time of a timer");
    had_free_ = reader.get_bool();
}

void Gang::check(const Pcpus& host) const {
    const auto require = [](bool right) {
        if (!right) throw StateError("gang: a VM's state is not that of its vCPUs");
    };
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        const Vm& own = vms_[vm];
        const VmFacts& is = host.vms()[vm];
        int wanting = 0;
        int running = 0;
        for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
            const VcpuFacts& at = host.vcpus()[index(vcpu)];
            require(vcpus_[index(vcpu)].wants == wants_pcpu(at));
            require(vcpus_[index(vcpu)].runs == (at.state == VcpuState::kRunning));
            wanting += vcpus_[index(vcpu)].wants ? 1 : 0;
            running += vcpus_[index(vcpu)].runs ? 1 : 0;
        }
        require(own.wanting == wanting && own.running == running && own.counted <= host.now());
        // All of them run, or none.
        require(running == (own.on ? wanting : 0) && (wanting > 0 || !own.on));
    }
}

}  // namespace hvlab::sim::gang
