// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "backends/kvm/device.h"
#include "backends/kvm/dirty_tracker.h"
#include "backends/kvm/kvm_api.h"
#include "backends/kvm/memory_slots.h"
#include "backends/kvm/vm_pool.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab::kvm {

// What a VM's vCPUs need of it; they may outlive the Vm object.
struct VmState {
    VmState(std::shared_ptr<const Device> device, const CpuModel& model);
    // Into the pool, if nothing speaks against it.
    ~VmState();
    VmState(const VmState&) = delete;
    VmState& operator=(const VmState&) = delete;

    std::shared_ptr<const Device> device;
    CpuModel model;
    Handle handle;
    MemorySlots slots;
    std::unique_ptr<DirtyTracker> dirty;
    // The first vCPU while nobody has it.
    std::optional<KernelVcpu> spare;
    bool has_others = false;  // other vCPUs than the first
    pid_t owner = 0;          // the process that made it, and that alone may use it
};

class KvmVm : public Vm {
public:
    KvmVm(std::shared_ptr<const Device> device, const CpuModel& model);

    void map_memory(GuestAddress address, std::span<std::byte> host, bool writable) override;
    void unmap_memory(GuestAddress address, std::uint64_t size) override;
    void set_dirty_logging(bool enabled) override;
    void fetch_and_clear_dirty(PageBitmap& into) override;
    void host_wrote(GuestAddress address, std::uint64_t size) override;
    std::unique_ptr<Vcpu> create_vcpu(unsigned index, VcpuHandler& handler) override;

private:
    std::shared_ptr<VmState> state_;
};

}  // namespace hvlab::kvm
