// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a scheduler may not do.
#include <string>

#include "sim/hosts/dispatcher.h"
#include "sim/hosts/errors.h"

namespace hvlab::sim {

namespace {

constexpr Duration kLeastSlice = kMicrosecond;

const char* name(VcpuState state) {
    switch (state) {
        case VcpuState::kIdle:
            return "idle";
        case VcpuState::kReady:
            return "ready";
        case VcpuState::kRunning:
            return "running";
        case VcpuState::kThrottled:
            return "throttled";
    }
    return "?";
}

}  // namespace

void Dispatcher::refuse(const std::string& message) const {
    throw PolicyError(policy_.name, message);
}

void Dispatcher::check_pcpu(PcpuId pcpu, const std::string& what) const {
    if (!in_policy_) refuse(what + ": only assign() and timer() may give and take pCPUs");
    if (pcpu < 0 || pcpu >= topology_.pcpus()) {
        refuse(what + ": the host has pCPUs 0 to " + std::to_string(topology_.pcpus() - 1));
    }
}

void Dispatcher::check_slice(Duration slice, const std::string& what) const {
    if (slice < kLeastSlice) {
        refuse(what + ": a slice of " + std::to_string(slice) + " ns is less than 1 us");
    }
}

void Dispatcher::check_run(PcpuId pcpu, VcpuId vcpu, Duration slice) const {
    // The text is made only for one that fails.
    const bool known = vcpu >= 0 && at(vcpu) < vcpus_.size();
    if (in_policy_ && known && pcpu >= 0 && pcpu < topology_.pcpus() &&
        running_[at(pcpu)] == kNone && vcpus_[at(vcpu)].state == VcpuState::kReady &&
        slice >= kLeastSlice && allowed(vcpu, pcpu)) {
        return;
    }
    const std::string what =
        "run() of vCPU " + std::to_string(vcpu) + " on pCPU " + std::to_string(pcpu);
    check_pcpu(pcpu, what);
    if (!known) {
        refuse(what + ": the host has vCPUs 0 to " + std::to_string(vcpus_.size() - 1));
    }
    if (running_[at(pcpu)] != kNone) {
        refuse(what + ": vCPU " + std::to_string(running_[at(pcpu)]) + " is running there");
    }
    if (vcpus_[at(vcpu)].state != VcpuState::kReady) {
        refuse(what + ": it is " + name(vcpus_[at(vcpu)].state) + ", not ready");
    }
    if (!allowed(vcpu, pcpu)) refuse(what + ": its VM may not run there");
    check_slice(slice, what);
}

void Dispatcher::check_busy(PcpuId pcpu, const char* call, Duration slice) const {
    if (in_policy_ && pcpu >= 0 && pcpu < topology_.pcpus() && running_[at(pcpu)] != kNone &&
        slice >= kLeastSlice) {
        return;
    }
    const std::string what = std::string(call) + "() of pCPU " + std::to_string(pcpu);
    check_pcpu(pcpu, what);
    if (running_[at(pcpu)] == kNone) refuse(what + ": no vCPU is running there");
    check_slice(slice, what);
}

void Dispatcher::check_progress() const {
    if (ready_ == 0) return;
    if (busy_pcpus_ == 0 && agenda_.time(slots_.scheduler_timer) == kNever) {
        refuse("leaves all pCPUs idle at " + std::to_string(now_) + " ns, although " +
               std::to_string(ready_) + " vCPUs are ready, and has set no timer");
    }
    const PcpuId free = free_.from(0);
    if (!policy_.work_conserving || free == kNone) return;
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) {
        if (vcpus_[vcpu].state != VcpuState::kReady || own_vcpus_[vcpu].held) continue;
        for (PcpuId pcpu = free; pcpu != kNone; pcpu = free_.from(pcpu + 1)) {
            if (!allowed(static_cast<VcpuId>(vcpu), pcpu)) continue;
            refuse("is said to be work-conserving, but leaves pCPU " + std::to_string(pcpu) +
                   " idle at " + std::to_string(now_) + " ns, although vCPU " +
                   std::to_string(vcpu) + " is ready");
        }
    }
}

}  // namespace hvlab::sim
