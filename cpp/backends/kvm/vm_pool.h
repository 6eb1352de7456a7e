// SPDX-License-Identifier: GPL-2.0-or-later
//
// VMs of the kernel's whose machine has gone, kept for the next one: making a VM and a vCPU, and
// taking them apart, costs ten times what it takes to empty them (docs/design/kvm.md).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/kvm/dirty_tracker.h"
#include "backends/kvm/msrs.h"
#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {

// The kernel's part of a vCPU.
struct KernelVcpu {
    Handle handle;
    SharedArea area;  // kvm_run
    MsrAccess msrs;
};

// The kernel's part of a VM without memory, and its only vCPU, which holds any state whatever.
struct KernelVm {
    Handle handle;
    std::unique_ptr<DirtyTracker> dirty;
    KernelVcpu vcpu;
};

// Any thread.
class VmPool {
public:
    // Each is some hundred KiB of the kernel's memory and four descriptors.
    static constexpr std::size_t kCapacity = 4;

    // The process's own.
    static const std::shared_ptr<VmPool>& process();

    // `kind` names everything that is fixed when a VM is made.
    std::optional<KernelVm> take(const std::string& kind);
    // The oldest goes if there are too many.
    void keep(const std::string& kind, KernelVm vm);
    void clear();

private:
    struct Kept {
        std::string kind;
        KernelVm vm;
    };

    // A process made by fork() has the descriptors, but they are of no use to it.
    std::vector<Kept> left_behind();

    std::mutex mutex_;
    std::vector<Kept> kept_;  // the newest last
    pid_t owner_ = 0;
};

}  // namespace hvlab::kvm
