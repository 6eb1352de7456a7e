// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "backends/kvm/device.h"
#include "backends/kvm/dirty_tracker.h"
#include "backends/kvm/kvm_api.h"
#include "backends/kvm/memory_slots.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab::kvm {

// What a VM's vCPUs need of it; they may outlive the Vm object.
struct VmState {
    std::shared_ptr<const Device> device;
    CpuModel model;
    Handle handle;
    MemorySlots slots;
    std::unique_ptr<DirtyTracker> dirty;
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
