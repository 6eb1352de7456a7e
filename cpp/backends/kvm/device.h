// SPDX-License-Identifier: GPL-2.0-or-later
//
// An open /dev/kvm and what was found out about it: shared by the backend and its VMs.
#pragma once

#include <memory>
#include <span>

#include "backends/kvm/flavour.h"
#include "backends/kvm/kvm_api.h"
#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/system_calls.h"
#include "backends/kvm/vm_pool.h"

namespace hvlab::kvm {

// A capability of KVM (KVM_CAP_...) that this backend asks for.
struct UsedCapability {
    const char* name;
    unsigned long number;
    bool required;  // Device::open refuses a kernel without it
};
std::span<const UsedCapability> used_capabilities();

struct Device {
    // What was found out stays so: a process looks once, unless it has system calls of its own.
    // Throws BackendUnavailable.
    static std::shared_ptr<const Device> open(const KvmOptions& options);

    KvmOptions options;
    Handle handle;
    HostKvm host;
    CpuidTable supported;
    std::shared_ptr<VmPool> pool;  // null: none
    std::size_t run_size = 0;      // of kvm_run and what follows it
    unsigned max_vcpus = 1;
    bool tsc_control = false;   // the guest's TSC may have another rate than the host's
    bool tsc_settable = false;  // ... and another value
};

}  // namespace hvlab::kvm
