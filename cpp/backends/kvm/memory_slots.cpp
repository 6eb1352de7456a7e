// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/memory_slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "backends/kvm/kvm_api.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

// One past the last guest-physical address that a slot may have: KVM numbers pages by 52 bits less
// the 12 of the offset, and wraps silently behind that.
constexpr GuestAddress kEnd = GuestAddress{1} << 52;

bool overlaps(const std::byte* a, std::size_t a_size, const std::byte* b, std::size_t b_size) {
    return a < b + b_size && b < a + a_size;
}

bool lies_within(std::span<const std::byte> inner, std::span<const std::byte> outer) {
    return inner.data() >= outer.data() &&
           inner.data() + inner.size() <= outer.data() + outer.size();
}

std::string what(const char* verb, GuestAddress address, std::uint64_t size) {
    return fmt::format("{} {:#x} bytes at {:#x}", verb, size, address);
}

}  // namespace

void MemorySlots::check(GuestAddress address, std::span<std::byte> host) const {
    const std::uint64_t size = host.size();
    const auto refuse = [&](int error) { fail(what("map", address, size), error); };
    if (size == 0 || !is_aligned(address, kPageSize) || !is_aligned(size, kPageSize) ||
        !is_aligned(reinterpret_cast<std::uintptr_t>(host.data()), kPageSize)) {
        refuse(EINVAL);
    }
    if (address >= kEnd || size > kEnd - address) refuse(EINVAL);
    for (const MemorySlot& slot : slots_) {
        if (address < slot.address + slot.size() && slot.address < address + size) refuse(EEXIST);
        // Other names of mapped bytes: all of them within the slot that had them first.
        if (overlaps(host.data(), size, slot.host.data(), slot.size())) {
            if (!lies_within(host, slot.host)) refuse(EEXIST);
            break;
        }
    }
}

std::uint32_t MemorySlots::free_number() const {
    std::uint32_t number = 0;
    while (find(number) != nullptr) ++number;
    return number;
}

void MemorySlots::set(const Handle& vm, const MemorySlot& slot, std::uint64_t size,
                      bool logging) const {
    kvm_userspace_memory_region region{};
    region.slot = slot.number;
    region.guest_phys_addr = slot.address;
    region.memory_size = size;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(slot.host.data());
    if (!slot.writable) region.flags |= KVM_MEM_READONLY;
    if (logging && slot.writable) region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
    vm.call(KVM_SET_USER_MEMORY_REGION, &region,
            what(size != 0 ? "map" : "unmap", slot.address, slot.size()));
}

void MemorySlots::add(const Handle& vm, GuestAddress address, std::span<std::byte> host,
                      bool writable) {
    check(address, host);
    const MemorySlot slot{
        .number = free_number(), .address = address, .host = host, .writable = writable};
    slots_.reserve(slots_.size() + 1);
    set(vm, slot, slot.size(), logging_);
    slots_.push_back(slot);
}

void MemorySlots::remove(const Handle& vm, GuestAddress address, std::uint64_t size) {
    const auto found = std::ranges::find_if(slots_, [&](const MemorySlot& slot) {
        return slot.address == address && slot.size() == size;
    });
    if (found == slots_.end()) fail(what("unmap", address, size), ENOENT);
    const bool has_aliases = std::any_of(found + 1, slots_.end(), [&](const MemorySlot& later) {
        return overlaps(later.host.data(), later.size(), found->host.data(), found->size());
    });
    const bool is_alias = std::any_of(slots_.begin(), found, [&](const MemorySlot& earlier) {
        return overlaps(earlier.host.data(), earlier.size(), found->host.data(), found->size());
    });
    if (has_aliases && !is_alias) fail(what("unmap", address, size), EBUSY);
    set(vm, *found, 0, false);
    slots_.erase(found);
}

void MemorySlots::remove_all(const Handle& vm) {
    while (!slots_.empty()) {
        set(vm, slots_.back(), 0, false);
        slots_.pop_back();
    }
    logging_ = false;
}

void MemorySlots::set_logging(const Handle& vm, bool enabled) {
    if (enabled == logging_) return;
    for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
        try {
            if (slot->writable) set(vm, *slot, slot->size(), enabled);
        } catch (...) {
            // All or none: those before it go back, as far as the kernel lets them.
            for (auto done = slots_.begin(); done != slot; ++done) {
                if (!done->writable) continue;
                try {
                    set(vm, *done, done->size(), logging_);
                } catch (const BackendError&) {
                    continue;  // the first failure is the one that is told
                }
            }
            throw;
        }
    }
    logging_ = enabled;
}

bool MemorySlots::is_mapped(GuestAddress address) const {
    return std::ranges::any_of(slots_,
                               [=](const MemorySlot& slot) { return slot.contains(address); });
}

const MemorySlot* MemorySlots::find(std::uint32_t number) const {
    const auto found = std::ranges::find(slots_, number, &MemorySlot::number);
    return found == slots_.end() ? nullptr : &*found;
}

}  // namespace hvlab::kvm
