// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "backends/unicorn/engine/vmm.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab {

// The engine's memory map; vCPUs hold it too, since they must go before it does.
using EngineMemory = std::shared_ptr<vmm_memory>;

class UnicornVm : public Vm {
public:
    explicit UnicornVm(const CpuModel& model);

    void map_memory(GuestAddress address, std::span<std::byte> host, bool writable) override;
    void unmap_memory(GuestAddress address, std::uint64_t size) override;
    void set_dirty_logging(bool enabled) override;
    void fetch_and_clear_dirty(PageBitmap& into) override;
    void host_wrote(GuestAddress address, std::uint64_t size) override;
    std::unique_ptr<Vcpu> create_vcpu(unsigned index, VcpuHandler& handler) override;

private:
    EngineMemory memory_;
    CpuModel model_;
};

}  // namespace hvlab
