// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the kernel tells which pages a guest wrote: in a ring per vCPU, or in a bitmap per slot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/memory_slots.h"
#include "core/memory/page_bitmap.h"

namespace hvlab::kvm {

class DirtyTracker {
public:
    virtual ~DirtyTracker() = default;

    virtual void add_vcpu(const Handle& vcpu) = 0;
    // A vCPU cannot go on before its part of the log has been read (KVM_EXIT_DIRTY_RING_FULL).
    // Whether there was anything to read.
    virtual bool make_room(const Handle& vm, const MemorySlots& slots) = 0;
    // Adds the pages written since the last time to `into`, and forgets them.
    virtual void fetch(const Handle& vm, const MemorySlots& slots, PageBitmap& into) = 0;
    // It has lost pages: nothing that it tells later is to be trusted.
    virtual bool lost_pages() const { return false; }
    // Logging begins anew: what was written before is no longer told.
    virtual void forget(const Handle& vm, const MemorySlots& slots) = 0;
};

// KVM_GET_DIRTY_LOG, which every kernel has.
std::unique_ptr<DirtyTracker> make_dirty_log();

// KVM_CAP_DIRTY_LOG_RING; has to be asked for before the VM has a vCPU. Null where the kernel lacks
// it.
std::unique_ptr<DirtyTracker> make_dirty_ring(const Handle& vm);

}  // namespace hvlab::kvm
