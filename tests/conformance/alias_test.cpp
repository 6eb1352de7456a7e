// SPDX-License-Identifier: GPL-2.0-or-later
//
// The same bytes at two guest-physical addresses, as the A20 gate needs them (Vm::map_memory). All
// of RAM is there once more, right behind itself.
#include <algorithm>
#include <vector>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

constexpr GuestAddress kShift = kRamSize;
constexpr GuestAddress kRoutine = 0x2000;  // mov eax, imm32; ret

class Aliases : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        if (!IsSkipped()) map();
    }

    void map(bool writable = true) {
        guest().vm->map_memory(kShift, guest().ram.bytes(), writable);
    }
    void unmap() { guest().vm->unmap_memory(kShift, kRamSize); }

    // Executes the routine at that address.
    std::uint64_t call(GuestAddress routine) {
        guest().set(kRdx, routine);
        guest().finish();
        return guest().gpr(kRax);
    }
    // The guest itself stores there and serialises.
    void store(GuestAddress address, std::uint32_t value) {
        guest().change([=](CpuState& state) {
            state.gpr[kRdi] = address;
            state.gpr[kRsi] = value;
            state.gpr[kRdx] = kRoutine;
            state.rip = kEntry + 0x100;
        });
        guest().finish();
    }
    void boot_caller() {
        guest().boot(CODE64("1: call rdx; out 0xF4, al; jmp 1b"));
        guest().load(CODE64("mov [rdi], esi; cpuid; out 0xF4, al; mov rax, 0x1000; jmp rax"),
                     kEntry + 0x100);
        guest().load(CODE64("mov eax, 1; ret"), kRoutine);
    }
    // Pages written by either address, by the lower one.
    std::vector<std::uint64_t> dirty() {
        PageBitmap written(page_index(2 * kRamSize));
        guest().vm->fetch_and_clear_dirty(written);
        PageBitmap folded(page_index(kRamSize));
        written.for_each([&](std::uint64_t page) { folded.set(page % page_index(kRamSize)); });
        std::vector<std::uint64_t> pages;
        folded.for_each([&](std::uint64_t page) { pages.push_back(page); });
        return pages;
    }
};
ON_EVERY_VARIANT(Aliases);

TEST_P(Aliases, StoresAreSeenAtBothAddresses) {
    guest().boot(
        CODE64("mov dword ptr [0x250000], 0x1234; mov eax, [0x50000]; mov dword ptr [0x50000], 7;"
               "mov ecx, [0x250000]; lock xadd [0x250000], ecx; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 0x1234u);
    EXPECT_EQ(guest().gpr(kRcx), 7u);
    EXPECT_EQ(guest().ram.get<std::uint32_t>(kData), 14u);
}

TEST_P(Aliases, CodeThatIsChangedThroughTheOtherAddress) {
    boot_caller();
    EXPECT_EQ(call(kRoutine), 1u);
    std::uint32_t value = 1;
    for (const GuestAddress changed : {kShift, GuestAddress{0}}) {
        for (const GuestAddress executed : {GuestAddress{0}, kShift, GuestAddress{0}}) {
            store(kRoutine + 1 + changed, ++value);
            EXPECT_EQ(call(kRoutine + executed), value)
                << "changed at +" << changed << ", executed at +" << executed;
        }
    }
}

TEST_P(Aliases, CodeThatChangesItselfThroughTheOtherAddress) {
    // Each round stores its number into the immediate of a later instruction of its own.
    guest().boot(
        CODE64("mov esi, 1; 1: mov [0x20100F], esi; cpuid; mov eax, 0x55555555;"
               "add r9d, eax; inc esi; cmp esi, 100; jne 1b; out 0xF4, al"));
    ASSERT_EQ(guest().ram.get<std::uint32_t>(kEntry + 0xF), 0x55555555u);
    guest().finish();
    EXPECT_EQ(guest().gpr(kR9), 4950u);
}

TEST_P(Aliases, CodeThatTheHostChanges) {
    boot_caller();
    EXPECT_EQ(call(kRoutine + kShift), 1u);
    guest().host_put(kRoutine + 1, std::uint32_t{2});
    EXPECT_EQ(call(kRoutine + kShift), 2u);
    EXPECT_EQ(call(kRoutine), 2u);
    guest().ram.put(kRoutine + 1, std::uint32_t{3});
    guest().vm->host_wrote(kRoutine + 1 + kShift, 4);
    EXPECT_EQ(call(kRoutine), 3u);
    EXPECT_EQ(call(kRoutine + kShift), 3u);
}

TEST_P(Aliases, APageIsDirtyOnce) {
    guest().boot(CODE64("1: mov [rdi], al; out 0xF4, al; jmp 1b"));
    guest().set(kRdi, kData);
    guest().finish();  // accessed and dirty bits of the page tables are set, one address at a time
    guest().set(kRdi, kData + kShift);
    guest().finish();
    guest().vm->set_dirty_logging(true);
    dirty();
    const std::vector<std::uint64_t> page{page_index(kData)};
    EXPECT_TRUE(dirty().empty());
    for (const GuestAddress at : {kData + kShift, kData, kData + kShift, kData + kShift + 8}) {
        guest().set(kRdi, at);
        guest().finish();
        EXPECT_EQ(dirty(), page) << at;
    }
}

TEST_P(Aliases, PageTablesAreWalkedAndMarkedThere) {
    guest().boot(CODE64("mov [rdi], al; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.cr3 += kShift;
        state.gpr[kRdi] = kData;
    });
    guest().vm->set_dirty_logging(true);
    dirty();
    guest().finish();
    constexpr std::uint64_t kAccessedDirty = 0x60;
    EXPECT_EQ(guest().ram.get<std::uint64_t>(kPageTable + kData / kPageSize * 8) & kAccessedDirty,
              kAccessedDirty);
    const std::vector<std::uint64_t> pages = dirty();
    EXPECT_EQ(std::ranges::count(pages, page_index(kPml4)), 1) << "its accessed bit";
    EXPECT_EQ(std::ranges::count(pages, page_index(kData)), 1);
}

TEST_P(Aliases, AReadOnlyOneHandsStoresOut) {
    unmap();
    map(false);
    guest().boot(
        CODE64("mov byte ptr [0x250000], 9; mov byte ptr [0x50001], 8; mov ax, [0x250000];"
               "out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax) & 0xFFFF, 0x0800u);
    const std::vector<Access> writes = guest().handler.writes();
    ASSERT_EQ(writes.size(), 1u);
    EXPECT_EQ(writes[0].kind, Access::kMemoryWrite);
    EXPECT_EQ(writes[0].address % kShift, kData);
}

TEST_P(Aliases, OneThatGoesLeavesTheOther) {
    boot_caller();
    EXPECT_EQ(call(kRoutine + kShift), 1u);
    unmap();
    EXPECT_EQ(call(kRoutine), 1u);
    guest().set(kRdx, kRoutine + kShift);
    const Exit exit = guest().run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, kRoutine + kShift);
    map();
    guest().host_put(kRoutine + 1, std::uint32_t{5});
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 5u);
}

TEST_P(Aliases, OfAPart) {
    unmap();
    guest().vm->map_memory(kShift + 0x10000, guest().ram.bytes().subspan(kData, kPageSize), true);
    guest().boot(CODE64("mov eax, [0x210008]; mov ecx, [0x211008]; out 0xF4, al"));
    guest().host_put(kData + 8, std::uint32_t{77});
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 77u);
    EXPECT_EQ(guest().gpr(kRcx), device_value(0x211008, 4));
    guest().vm->unmap_memory(kShift + 0x10000, kPageSize);
    map();
}

}  // namespace
}  // namespace hvlab::conformance
