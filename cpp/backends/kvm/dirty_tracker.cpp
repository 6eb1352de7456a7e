// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/dirty_tracker.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace hvlab::kvm {
namespace {

class DirtyLog final : public DirtyTracker {
public:
    void add_vcpu(const Handle&) override {}
    bool make_room(const Handle&, const MemorySlots&) override { return true; }

    void fetch(const Handle& vm, const MemorySlots& slots, PageBitmap& into) override {
        if (!slots.logging()) return;
        for (const MemorySlot& slot : slots.slots()) {
            if (!slot.writable) continue;
            const std::uint64_t pages = slot.size() / kPageSize;
            words_.assign((pages + 63) / 64, 0);
            kvm_dirty_log log{};
            log.slot = slot.number;
            log.dirty_bitmap = words_.data();
            vm.call(KVM_GET_DIRTY_LOG, &log, "read the dirty log (KVM_GET_DIRTY_LOG)");
            const std::uint64_t first = slot.address / kPageSize;
            for (std::size_t word = 0; word < words_.size(); ++word) {
                for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
                    into.set(first + word * 64 +
                             static_cast<std::uint64_t>(std::countr_zero(bits)));
                }
            }
        }
    }

    // A slot's bitmap goes and comes with its logging.
    void forget(const Handle&, const MemorySlots&) override {}

private:
    std::vector<std::uint64_t> words_;
};

class DirtyRing final : public DirtyTracker {
public:
    explicit DirtyRing(std::uint32_t entries) : entries_(entries) {}

    void add_vcpu(const Handle& vcpu) override {
        rings_.push_back({.area = SharedArea(vcpu, entries_ * sizeof(kvm_dirty_gfn),
                                             KVM_DIRTY_LOG_PAGE_OFFSET * ::sysconf(_SC_PAGESIZE),
                                             "map a vCPU's dirty ring")});
    }

    bool make_room(const Handle& vm, const MemorySlots& slots) override {
        return harvest(vm, slots);
    }
    bool lost_pages() const override { return lost_pages_; }

    void fetch(const Handle& vm, const MemorySlots& slots, PageBitmap& into) override {
        harvest(vm, slots);
        for (const std::uint64_t page : pages_) into.set(page);
        pages_.clear();
    }

    void forget(const Handle& vm, const MemorySlots& slots) override {
        harvest(vm, slots);
        pages_.clear();
    }

private:
    struct Ring {
        SharedArea area;
        std::uint32_t next = 0;
    };

    // An entry is ours from when the kernel has set DIRTY to when we set RESET; the flags order the
    // other fields (Documentation/virt/kvm/api.rst, 8.29).
    bool harvest(const Handle& vm, const MemorySlots& slots) {
        for (Ring& ring : rings_) {
            const std::uint32_t first = ring.next;
            auto* const entries = reinterpret_cast<kvm_dirty_gfn*>(ring.area.data());
            for (;; ++ring.next) {
                kvm_dirty_gfn& entry = entries[ring.next % entries_];
                std::atomic_ref<std::uint32_t> flags(entry.flags);
                if (flags.load(std::memory_order_acquire) != KVM_DIRTY_GFN_F_DIRTY) break;
                // A slot that is gone has taken its pages along.
                if (const MemorySlot* slot = slots.find(entry.slot & 0xFFFF)) {
                    pages_.push_back(slot->address / kPageSize + entry.offset);
                }
                flags.store(KVM_DIRTY_GFN_F_RESET, std::memory_order_release);
                to_reset_ = true;
            }
            // The kernel lets a vCPU out some entries earlier; one that wrote on has written over
            // entries that nobody had read.
            if (ring.next - first >= entries_) {
                lost_pages_ = true;
                fail("read the dirty ring", EOVERFLOW, "pages that the guest wrote are lost");
            }
        }
        if (!to_reset_) return false;
        vm.call(KVM_RESET_DIRTY_RINGS, nullptr, "reset the dirty rings (KVM_RESET_DIRTY_RINGS)");
        to_reset_ = false;
        // A page comes once more after each reset: what is kept stays as large as memory is.
        if (pages_.size() > kept_) {
            std::ranges::sort(pages_);
            pages_.erase(std::unique(pages_.begin(), pages_.end()), pages_.end());
            kept_ = std::max<std::size_t>(entries_, pages_.size() * 2);
        }
        return true;
    }

    std::uint32_t entries_;
    std::vector<Ring> rings_;
    bool lost_pages_ = false;
    bool to_reset_ = false;  // entries were read that the kernel has not been given back
    std::vector<std::uint64_t> pages_;
    std::size_t kept_ = 0;
};

}  // namespace

std::unique_ptr<DirtyTracker> make_dirty_log() {
    return std::make_unique<DirtyLog>();
}

std::unique_ptr<DirtyTracker> make_dirty_ring(const Handle& vm) {
    // 64 KiB a vCPU: a guest that writes all of its memory comes out every 4,096 pages, at the cost
    // of one exit for as many write faults.
    constexpr std::uint32_t kEntries = 4096;
    const int bytes = vm.extension(KVM_CAP_DIRTY_LOG_RING);
    if (bytes < static_cast<int>(kEntries * sizeof(kvm_dirty_gfn))) return nullptr;
    vm.enable(KVM_CAP_DIRTY_LOG_RING, kEntries * sizeof(kvm_dirty_gfn),
              "turn on dirty rings (KVM_CAP_DIRTY_LOG_RING)");
    return std::make_unique<DirtyRing>(kEntries);
}

}  // namespace hvlab::kvm
