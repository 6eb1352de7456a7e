// SPDX-License-Identifier: GPL-2.0-or-later
//
// Slots and dirty logs against a kernel that is made up: what it is told, and what happens when it
// refuses.
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "backends/kvm/dirty_tracker.h"
#include "backends/kvm/kvm_api.h"
#include "backends/kvm/memory_slots.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

using Regions = std::vector<kvm_userspace_memory_region>;

class MadeUpKernel : public SystemCalls {
public:
    Regions regions;                // as they were told
    std::set<std::size_t> refused;  // by the number of the call
    unsigned resets = 0;
    bool refuses_reset = false;

    int ioctl(int, unsigned long request, void* argument) override {
        switch (request) {
            case KVM_SET_USER_MEMORY_REGION:
                regions.push_back(*static_cast<kvm_userspace_memory_region*>(argument));
                if (refused.contains(regions.size())) break;
                return 0;
            case KVM_CHECK_EXTENSION:
                return 1 << 20;
            case KVM_RESET_DIRTY_RINGS:
                if (std::exchange(refuses_reset, false)) break;
                ++resets;
                for (kvm_dirty_gfn& entry : ring()) {
                    if (entry.flags == KVM_DIRTY_GFN_F_RESET) entry.flags = 0;
                }
                return 0;
            default:
                return 0;
        }
        errno = ENOMEM;
        return -1;
    }
    void* mmap(std::size_t size, int, long) override {
        area_ = static_cast<kvm_dirty_gfn*>(
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        return area_;
    }
    std::span<kvm_dirty_gfn> ring() { return {area_, 4096}; }
    void dirty(std::uint32_t index, std::uint32_t slot, std::uint64_t offset) {
        ring()[index] = {.flags = KVM_DIRTY_GFN_F_DIRTY, .slot = slot, .offset = offset};
    }

private:
    kvm_dirty_gfn* area_ = nullptr;
};

class Slots : public testing::Test {
protected:
    std::span<std::byte> memory(std::size_t first, std::size_t pages) {
        return {memory_.get() + first * kPageSize, pages * kPageSize};
    }
    template <typename Call>
    int refusal(Call&& call) {
        try {
            call();
        } catch (const BackendError& error) {
            return error.error_number();
        }
        return 0;
    }
    int add(GuestAddress address, std::span<std::byte> host) {
        return refusal([&] { slots.add(vm, address, host, true); });
    }
    int remove(GuestAddress address, std::uint64_t size) {
        return refusal([&] { slots.remove(vm, address, size); });
    }

    MadeUpKernel kernel;
    Handle vm{kernel, {}};
    MemorySlots slots;

private:
    std::unique_ptr<std::byte, decltype(&std::free)> memory_{
        static_cast<std::byte*>(std::aligned_alloc(kPageSize, 64 * kPageSize)), std::free};
};

TEST_F(Slots, NumbersAreUsedAgain) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(add(i * 0x10000, memory(i * 4, 4)), 0);
    EXPECT_EQ(remove(0x10000, 4 * kPageSize), 0);
    EXPECT_EQ(kernel.regions.back().slot, 1u);
    EXPECT_EQ(kernel.regions.back().memory_size, 0u);
    EXPECT_EQ(add(0x40000, memory(20, 4)), 0);
    EXPECT_EQ(kernel.regions.back().slot, 1u);
    EXPECT_EQ(add(0x50000, memory(24, 4)), 0);
    EXPECT_EQ(kernel.regions.back().slot, 3u);
}

TEST_F(Slots, WhatIsMappedIsNotMappedAgain) {
    EXPECT_EQ(add(0x10000, memory(0, 4)), 0);
    const std::size_t told = kernel.regions.size();
    EXPECT_EQ(add(0x13000, memory(8, 4)), EEXIST);
    EXPECT_EQ(add(0xD000, memory(8, 4)), EEXIST);
    EXPECT_EQ(add(0x20000, memory(2, 4)), EEXIST) << "bytes that are mapped in part";
    EXPECT_EQ(remove(0x10000, kPageSize), ENOENT);
    EXPECT_EQ(kernel.regions.size(), told) << "the kernel is not asked";
    EXPECT_EQ(add(0x14000, memory(8, 4)), 0);
}

TEST_F(Slots, WhatIsNoRange) {
    EXPECT_EQ(add(0x10001, memory(0, 1)), EINVAL);
    EXPECT_EQ(add(0x10000, memory(0, 1).subspan(1)), EINVAL);
    EXPECT_EQ(add(0x10000, memory(0, 0)), EINVAL);
    EXPECT_EQ(add((GuestAddress{1} << 52) - kPageSize, memory(0, 2)), EINVAL);
    EXPECT_EQ(add(~GuestAddress{0xFFF}, memory(0, 1)), EINVAL);
    EXPECT_TRUE(kernel.regions.empty());
}

TEST_F(Slots, OtherNamesGoFirst) {
    EXPECT_EQ(add(0x10000, memory(0, 4)), 0);
    EXPECT_EQ(add(0x20000, memory(1, 2)), 0);
    EXPECT_EQ(remove(0x10000, 4 * kPageSize), EBUSY);
    EXPECT_EQ(remove(0x20000, 2 * kPageSize), 0);
    EXPECT_EQ(remove(0x10000, 4 * kPageSize), 0);
}

TEST_F(Slots, ARefusedOneIsNotThere) {
    kernel.refused = {1};
    EXPECT_EQ(add(0x10000, memory(0, 4)), ENOMEM);
    EXPECT_FALSE(slots.is_mapped(0x10000));
    EXPECT_EQ(add(0x10000, memory(0, 4)), 0);
    kernel.refused = {3};
    EXPECT_EQ(remove(0x10000, 4 * kPageSize), ENOMEM);
    EXPECT_TRUE(slots.is_mapped(0x10000));
}

TEST_F(Slots, LoggingIsForAllOrForNone) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(add(i * 0x10000, memory(i * 4, 4)), 0);
    slots.add(vm, 0x40000, memory(12, 4), false);
    kernel.refused = {kernel.regions.size() + 3};
    EXPECT_EQ(refusal([&] { slots.set_logging(vm, true); }), ENOMEM);
    EXPECT_FALSE(slots.logging());
    std::uint32_t flags[4] = {};
    for (const auto& region : kernel.regions) flags[region.slot] = region.flags;
    EXPECT_EQ(flags[0], 0u);
    EXPECT_EQ(flags[1], 0u);
    EXPECT_EQ(refusal([&] { slots.set_logging(vm, true); }), 0);
    for (const auto& region : kernel.regions) flags[region.slot] = region.flags;
    EXPECT_THAT(flags, testing::ElementsAre(KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES,
                                            KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY));
    EXPECT_EQ(add(0x50000, memory(20, 1)), 0);
    EXPECT_EQ(kernel.regions.back().flags, std::uint32_t{KVM_MEM_LOG_DIRTY_PAGES});
}

class Ring : public Slots {
protected:
    void SetUp() override {
        ASSERT_EQ(add(0x10000, memory(0, 16)), 0);
        slots.set_logging(vm, true);
        ring = make_dirty_ring(vm);
        ring->add_vcpu(vm);
    }
    std::vector<std::uint64_t> fetch() {
        PageBitmap into(64);
        ring->fetch(vm, slots, into);
        std::vector<std::uint64_t> pages;
        for (std::uint64_t page = 0; page < 64; ++page) {
            if (into.test(page)) pages.push_back(page);
        }
        return pages;
    }

    std::unique_ptr<DirtyTracker> ring;
};

TEST_F(Ring, EntriesAreReadOnceAndGivenBack) {
    kernel.dirty(0, 0, 3);
    kernel.dirty(1, 0, 5);
    EXPECT_THAT(fetch(), testing::ElementsAre(0x13, 0x15));
    EXPECT_EQ(kernel.resets, 1u);
    EXPECT_EQ(kernel.ring()[1].flags, 0u);
    EXPECT_TRUE(fetch().empty());
    EXPECT_EQ(kernel.resets, 1u) << "nothing to give back";
}

TEST_F(Ring, GoesRound) {
    for (std::uint32_t i = 0; i < 3 * 4096; ++i) {
        kernel.dirty(i % 4096, 0, i % 16);
        if (i % 1000 == 999) ring->make_room(vm, slots);
    }
    EXPECT_EQ(fetch().size(), 16u);
}

TEST_F(Ring, OfASlotThatIsGoneNothingIsTold) {
    kernel.dirty(0, 7, 3);
    kernel.dirty(1, 0, 4);
    EXPECT_THAT(fetch(), testing::ElementsAre(0x14));
}

TEST_F(Ring, EntriesThatCouldNotBeGivenBackAreGivenBackLater) {
    kernel.dirty(0, 0, 3);
    kernel.refuses_reset = true;
    EXPECT_EQ(refusal([&] { ring->make_room(vm, slots); }), ENOMEM);
    EXPECT_EQ(refusal([&] { ring->make_room(vm, slots); }), 0);
    EXPECT_EQ(kernel.resets, 1u) << "else the vCPU never gets its ring back";
    EXPECT_THAT(fetch(), testing::ElementsAre(0x13)) << "and nothing is lost";
}

TEST_F(Ring, TellsWhetherThereWasAnythingToRead) {
    EXPECT_FALSE(ring->make_room(vm, slots));
    kernel.dirty(1, 0, 4);
    EXPECT_FALSE(ring->make_room(vm, slots)) << "out of step: the vCPU would run in vain for ever";
    kernel.dirty(0, 0, 3);
    EXPECT_TRUE(ring->make_room(vm, slots));
    EXPECT_THAT(fetch(), testing::ElementsAre(0x13, 0x14));
}

TEST_F(Ring, WhatIsForgottenIsNotTold) {
    kernel.dirty(0, 0, 3);
    ring->make_room(vm, slots);
    kernel.dirty(1, 0, 4);
    ring->forget(vm, slots);
    EXPECT_TRUE(fetch().empty());
}

}  // namespace
}  // namespace hvlab::kvm
