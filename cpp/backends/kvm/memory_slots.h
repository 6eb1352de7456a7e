// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is mapped where in a guest: the kernel's memory slots, and the rules of Vm::map_memory,
// which are stricter than the kernel's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/kvm/system_calls.h"
#include "core/base/units.h"

namespace hvlab::kvm {

struct MemorySlot {
    std::uint32_t number = 0;  // the kernel's
    GuestAddress address = 0;
    std::span<std::byte> host;
    bool writable = true;

    std::uint64_t size() const { return host.size(); }
    bool contains(GuestAddress at) const { return at - address < size(); }
};

class MemorySlots {
public:
    // Slots are added with dirty logging as it is at that moment. Throw BackendError and change
    // nothing.
    void add(const Handle& vm, GuestAddress address, std::span<std::byte> host, bool writable);
    void remove(const Handle& vm, GuestAddress address, std::uint64_t size);
    void remove_all(const Handle& vm);
    void set_logging(const Handle& vm, bool enabled);

    bool logging() const { return logging_; }
    std::span<const MemorySlot> slots() const { return slots_; }
    bool is_mapped(GuestAddress address) const;
    const MemorySlot* find(std::uint32_t number) const;

private:
    void set(const Handle& vm, const MemorySlot& slot, std::uint64_t size, bool logging) const;
    void check(GuestAddress address, std::span<std::byte> host) const;
    std::uint32_t free_number() const;

    // In the order of their coming, so that an alias stands behind what it is one of.
    std::vector<MemorySlot> slots_;
    bool logging_ = false;
};

}  // namespace hvlab::kvm
