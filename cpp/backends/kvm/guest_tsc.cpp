// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/guest_tsc.h"

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/msrs.h"

namespace hvlab::kvm {
namespace {

// KVM_SET_MSRS would not do: it takes a value within a second of the counter's own for an attempt
// to synchronise vCPUs and changes nothing (kvm_synchronize_tsc in arch/x86/kvm/x86.c). The offset
// to the host's counter is an attribute of the vCPU (Documentation/virt/kvm/devices/vcpu.rst, 4.1).
void access_offset(const Handle& vcpu, unsigned long request, std::uint64_t& offset) {
    kvm_device_attr attribute{};
    attribute.group = KVM_VCPU_TSC_CTRL;
    attribute.attr = KVM_VCPU_TSC_OFFSET;
    attribute.addr = reinterpret_cast<std::uintptr_t>(&offset);
    vcpu.call(request, &attribute, "set the guest's time-stamp counter (KVM_VCPU_TSC_OFFSET)");
}

std::uint64_t read_counter(const Handle& vcpu) {
    MsrTable table;
    table.count = 1;
    table.entries[0].index = kMsrTsc;
    vcpu.call(kGetMsrs, &table, "read the guest's time-stamp counter (KVM_GET_MSRS)");
    return table.entries[0].data;
}

}  // namespace

void GuestTsc::set_offset(std::uint64_t offset) {
    aligned_ = aligned_ && offset == offset_;
    offset_ = offset;
}

void GuestTsc::align(const Handle& vcpu, std::uint64_t guest_time, Clock::time_point now) {
    const auto guest_passed = std::chrono::nanoseconds(guest_time - guest_time_);
    const auto drift = (now - host_time_) - guest_passed;
    if (aligned_ && drift <= kTolerance && drift >= -kTolerance) return;
    std::uint64_t offset = 0;
    access_offset(vcpu, KVM_GET_DEVICE_ATTR, offset);
    offset += guest_time + offset_ - read_counter(vcpu);
    access_offset(vcpu, KVM_SET_DEVICE_ATTR, offset);
    aligned_ = true;
    guest_time_ = guest_time;
    host_time_ = now;
}

}  // namespace hvlab::kvm
