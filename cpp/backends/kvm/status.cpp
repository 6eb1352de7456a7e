// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/status.h"

#include <linux/kvm.h>

#include <array>

#include "backends/kvm/device.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

struct Entry {
    const char* name;
    unsigned long number;
    bool required;  // Device::open refuses a kernel without it
};

#define HVLAB_KVM_CAP(name, required) \
    Entry {                           \
#name, name, required         \
    }
constexpr std::array kUsed = {
    HVLAB_KVM_CAP(KVM_CAP_USER_MEMORY, true),
    HVLAB_KVM_CAP(KVM_CAP_READONLY_MEM, true),
    HVLAB_KVM_CAP(KVM_CAP_IMMEDIATE_EXIT, true),
    HVLAB_KVM_CAP(KVM_CAP_SYNC_REGS, true),
    HVLAB_KVM_CAP(KVM_CAP_VCPU_EVENTS, true),
    HVLAB_KVM_CAP(KVM_CAP_DEBUGREGS, true),
    HVLAB_KVM_CAP(KVM_CAP_XSAVE, true),
    HVLAB_KVM_CAP(KVM_CAP_X86_USER_SPACE_MSR, true),
    HVLAB_KVM_CAP(KVM_CAP_X86_MSR_FILTER, true),
    HVLAB_KVM_CAP(KVM_CAP_MAX_VCPUS, false),
    HVLAB_KVM_CAP(KVM_CAP_NR_MEMSLOTS, false),
    HVLAB_KVM_CAP(KVM_CAP_TSC_CONTROL, false),
    HVLAB_KVM_CAP(KVM_CAP_DIRTY_LOG_RING, false),
    HVLAB_KVM_CAP(KVM_CAP_SET_GUEST_DEBUG, false),
    HVLAB_KVM_CAP(KVM_CAP_SPLIT_IRQCHIP, false),
    HVLAB_KVM_CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE, false),
};
#undef HVLAB_KVM_CAP

}  // namespace

Status status(const KvmOptions& options) {
    Status status;
    try {
        const auto device = Device::open(options);
        status.available = true;
        status.flavour = to_string(device->host.flavour);
        status.nested = device->host.nested;
        for (const Entry& entry : kUsed) {
            status.capabilities.push_back({.name = entry.name,
                                           .value = device->handle.extension(entry.number),
                                           .required = entry.required});
        }
    } catch (const BackendError& error) {
        status = {};
        status.reason = std::string(error.what()).substr(error.backend().size() + 2);
    }
    return status;
}

}  // namespace hvlab::kvm
