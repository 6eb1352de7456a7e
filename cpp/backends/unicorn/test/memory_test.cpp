// SPDX-License-Identifier: GPL-2.0-or-later
//
// Regions, accesses outside them, code that changes, and the dirty log.
#include "backends/unicorn/test/test_vm.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

class AccessHandler : public LoggingHandler {
public:
    struct Access {
        bool write;
        GuestAddress address;
        unsigned size;
        std::uint64_t value;
        bool operator==(const Access&) const = default;
    };
    std::vector<Access> seen;

    std::uint64_t memory_read(GuestAddress address, unsigned size) override {
        seen.push_back({false, address, size, 0});
        return 0x8877665544332211u;
    }
    void memory_write(GuestAddress address, unsigned size, std::uint64_t value) override {
        seen.push_back({true, address, size, value});
    }
};

class MemoryTest : public testing::Test {
protected:
    void boot(std::initializer_list<std::uint8_t> code) {
        setup_.load(code);
        setup_.enter_long_mode();
        vm_ = UnicornBackend().create_vm(CpuModel::named("x86-64-v2"));
        vm_->map_memory(0, setup_.ram.bytes(), true);
        vcpu_ = vm_->create_vcpu(0, handler_);
        handler_.vcpu = vcpu_.get();
        handler_.counter = vcpu_->capability<InstructionCounter>();
        vcpu_->set_state(setup_.vcpu->state());
    }
    void set(Gpr reg, std::uint64_t value) {
        CpuState state = vcpu_->state();
        state.gpr[reg] = value;
        vcpu_->set_state(state);
    }
    std::uint64_t gpr(Gpr reg) const { return vcpu_->state().gpr[reg]; }
    void run(std::uint64_t instructions) {
        ASSERT_EQ(vcpu_->run({.instructions = instructions}).kind, ExitKind::kBudget);
    }

    TestVm setup_;  // its memory and tables, its state
    AccessHandler handler_;
    std::unique_ptr<Vm> vm_;
    std::unique_ptr<Vcpu> vcpu_;
};

using Access = AccessHandler::Access;

TEST_F(MemoryTest, AccessesOutsideMemoryOfEverySize) {
    boot({0x8A, 0x07,                // mov al, [rdi]
          0x66, 0x8B, 0x5F, 0x01,    // mov bx, [rdi+1]
          0x8B, 0x4F, 0x02,          // mov ecx, [rdi+2]
          0x48, 0x8B, 0x57, 0x03,    // mov rdx, [rdi+3]
          0x88, 0x47, 0x10,          // mov [rdi+16], al
          0x66, 0x89, 0x5F, 0x11,    // mov [rdi+17], bx
          0x89, 0x4F, 0x12,          // mov [rdi+18], ecx
          0x48, 0x89, 0x57, 0x13});  // mov [rdi+19], rdx
    set(kRdi, 0xFE000000);
    run(8);
    EXPECT_EQ(gpr(kRax) & 0xFF, 0x11u);
    EXPECT_EQ(gpr(kRbx) & 0xFFFF, 0x2211u);
    EXPECT_EQ(gpr(kRcx), 0x44332211u);
    EXPECT_EQ(gpr(kRdx), 0x8877665544332211u);
    const std::vector<Access> expected = {
        {false, 0xFE000000, 1, 0},         {false, 0xFE000001, 2, 0},
        {false, 0xFE000002, 4, 0},         {false, 0xFE000003, 8, 0},
        {true, 0xFE000010, 1, 0x11},       {true, 0xFE000011, 2, 0x2211},
        {true, 0xFE000012, 4, 0x44332211}, {true, 0xFE000013, 8, 0x8877665544332211u},
    };
    EXPECT_EQ(handler_.seen, expected);
}

TEST_F(MemoryTest, ReadModifyWriteOverTheEndOfMemory) {
    // [1FFFFEh, 200002h): two bytes of RAM, two of nothing. The RAM half must be added to once.
    boot({0x90, 0x81, 0x07, 1, 0, 1, 0, 0x90, 0xEB, 0xFE});  // nop; add dword [rdi], 10001h; nop
    setup_.ram.put(kRamSize - 2, std::uint16_t{0x00FF});
    set(kRdi, kRamSize - 2);
    run(5);
    EXPECT_EQ(setup_.ram.get<std::uint16_t>(kRamSize - 2), 0x0100);
    std::uint64_t written = 0;
    for (const Access& access : handler_.seen) {
        if (access.write) written |= access.value << (access.address - kRamSize) * 8;
    }
    EXPECT_EQ(written, 0x2212u);
}

TEST_F(MemoryTest, ReadOnlyMemoryIsReadAndItsStoresAreHandedOut) {
    boot({0x8B, 0x07, 0x89, 0x07, 0x8B, 0x1F, 0xEB,
          0xFE});  // mov eax,[rdi]; mov [rdi],eax; mov ebx,[rdi]
    Ram rom(kPageSize);
    rom.put(0x20, std::uint32_t{0x12345678});
    vm_->map_memory(kRamSize, rom.bytes(), false);
    set(kRdi, kRamSize + 0x20);
    run(3);
    EXPECT_EQ(gpr(kRax), 0x12345678u);
    EXPECT_EQ(gpr(kRbx), 0x12345678u);
    EXPECT_EQ(handler_.seen, (std::vector<Access>{{true, kRamSize + 0x20, 4, 0x12345678}}));
}

TEST_F(MemoryTest, AliasesLieWithinOneRegionAndGoBeforeIt) {
    boot({0xF4});
    const std::span<std::byte> ram = setup_.ram.bytes();
    Ram more(2 * kPageSize);
    vm_->map_memory(kRamSize, more.bytes().first(kPageSize), true);
    EXPECT_THROW(vm_->map_memory(0x800000, more.bytes(), true), BackendError);
    vm_->map_memory(0x900000, ram, true);
    vm_->map_memory(0xC00000, ram.first(kPageSize), false);
    EXPECT_THROW(vm_->unmap_memory(0, kRamSize), BackendError);
    vm_->unmap_memory(0x900000, kRamSize);
    EXPECT_THROW(vm_->unmap_memory(0, kRamSize), BackendError);
    vm_->unmap_memory(0xC00000, kPageSize);
    vm_->unmap_memory(kRamSize, kPageSize);
    vm_->unmap_memory(0, kRamSize);
    vm_->map_memory(0, ram, true);
}

TEST_F(MemoryTest, RegionsComeAndGo) {
    boot({0x8B, 0x07, 0xEB, 0xFC});  // 1: mov eax, [rdi]; jmp 1b
    set(kRdi, kRamSize);
    run(2);
    EXPECT_EQ(handler_.seen.size(), 1u);
    Ram more(2 * kPageSize);
    more.put(0, std::uint32_t{77});
    vm_->map_memory(kRamSize, more.bytes(), true);
    run(2);
    EXPECT_EQ(gpr(kRax), 77u);
    EXPECT_EQ(handler_.seen.size(), 1u);
    vm_->unmap_memory(kRamSize, 2 * kPageSize);
    run(2);
    EXPECT_EQ(handler_.seen.size(), 2u);
}

TEST_F(MemoryTest, BadRegionsAreRefused) {
    boot({0x90});
    Ram more(2 * kPageSize);
    EXPECT_THROW(vm_->map_memory(kRamSize - kPageSize, more.bytes(), true), BackendError)
        << "overlap";
    EXPECT_THROW(vm_->map_memory(kRamSize + 1, more.bytes(), true), BackendError);
    EXPECT_THROW(vm_->map_memory(kRamSize, more.bytes().subspan(0, 100), true), BackendError);
    EXPECT_THROW(vm_->map_memory(kRamSize, {}, true), BackendError);
    EXPECT_THROW(vm_->map_memory(~0ull << 12, more.bytes(), true), BackendError) << "wraps";
    EXPECT_THROW(vm_->unmap_memory(0, kPageSize), BackendError) << "a part";
    EXPECT_NO_THROW(vm_->map_memory(kRamSize, more.bytes(), true));
}

TEST_F(MemoryTest, MemoryAboveFourGigabytes) {
    boot({0x48, 0xFF, 0x07, 0x48, 0x83, 0xC7, 0x08, 0xEB,
          0xF7});  // 1: inc qword [rdi]; add rdi, 8; jmp
    vm_->map_memory(kHighRam, setup_.high.bytes(), true);
    set(kRdi, kHighRam + 0xFF0);
    run(3 * 4);
    for (std::uint64_t at = 0xFF0; at < 0x1010; at += 8) {
        EXPECT_EQ(setup_.high.get<std::uint64_t>(at), 1u);
    }
    EXPECT_TRUE(handler_.seen.empty());
}

TEST_F(MemoryTest, PageTablesOutsideMemoryFault) {
    boot({0x8B, 0x07});                                  // mov eax, [rdi]
    setup_.ram.put(0x11000 + 5 * 8, 0x40000000ull | 7);  // a page directory where there is nothing
    CpuState state = vcpu_->state();
    state.gpr[kRdi] = 5 * kGiB;
    state.idtr.limit = 0;
    vcpu_->set_state(state);
    EXPECT_EQ(vcpu_->run({}).kind, ExitKind::kTripleFault);
    EXPECT_EQ(vcpu_->state().cr2, 5 * kGiB);
    EXPECT_TRUE(handler_.seen.empty()) << "a page walk is no device access";
}

// ---- Code that changes

TEST_F(MemoryTest, HostWritesReplaceCode) {
    boot({0xB8, 1, 0, 0, 0, 0xEB, 0xF9});  // 1: mov eax, 1; jmp 1b
    run(1000);
    EXPECT_EQ(gpr(kRax), 1u);
    setup_.ram.put(kEntry + 1, std::uint8_t{2});
    vm_->host_wrote(kEntry + 1, 1);
    run(2);
    EXPECT_EQ(gpr(kRax), 2u);
    // A large write over many pages, not aligned to any.
    setup_.ram.put(kEntry + 1, std::uint8_t{3});
    vm_->host_wrote(123, kRamSize - 1000);
    run(2);
    EXPECT_EQ(gpr(kRax), 3u);
}

TEST_F(MemoryTest, StoresThroughAnAliasReplaceCode) {
    // 190000h is another name of page 2000h, where a function returns a number that the loop
    // patches there.
    boot({0xFF, 0xC1,                                // 1: inc ecx
          0x89, 0x0C, 0x25, 0x01, 0x00, 0x19, 0x00,  // mov [190001h], ecx
          0xBA, 0x00, 0x20, 0x00, 0x00, 0xFF, 0xD2,  // mov edx, 2000h; call rdx
          0x39, 0xC8, 0x74, 0xEC,                    // cmp eax, ecx; je 1b
          0xEB, 0xFE});
    setup_.load({0xB8, 0, 0, 0, 0, 0xC3}, 0x2000);  // mov eax, 0; ret
    vm_->host_wrote(0x2000, 6);
    run(8 * 1000);
    EXPECT_EQ(gpr(kRcx), 1000u);
}

TEST_F(MemoryTest, AWideUnalignedStoreReplacesTheCodeThatItReaches) {
    // After some stores to a page with code that miss the code, the engine keeps a bitmap of its
    // code bytes. The store of eight bytes then begins in one word of the bitmap and reaches into
    // the next, where alone the code is: opcode and first operand byte of `mov eax`.
    boot({0xB9, 0x14, 0,    0,    0,                   // mov ecx, 20
          0x89, 0x0C, 0x25, 0x00, 0x21, 0,    0,       // 1: mov [2100h], ecx
          0xFF, 0xC9, 0x75, 0xF5,                      // dec ecx; jnz 1b
          0x48, 0x89, 0x04, 0x25, 0x3A, 0x20, 0,   0,  // mov [203Ah], rax: up to 2041h
          0xBA, 0x40, 0x20, 0x00, 0x00, 0xFF, 0xD2});  // mov edx, 2040h; call rdx
    setup_.load({0xB8, 0, 0, 0, 0, 0xC3}, 0x2040);     // mov eax, 0; ret
    vm_->host_wrote(0x2040, 6);
    for (std::uint64_t i = 1; i < 20; ++i) {
        CpuState state = vcpu_->state();
        state.rip = kEntry;
        state.gpr[kRax] = (i << 8 | 0xB8) << 48;
        vcpu_->set_state(state);
        run(1 + 20 * 3 + 3 + 1);  // up to and with `mov eax`
        EXPECT_EQ(gpr(kRax), i);
    }
}

// ---- The dirty log

PageBitmap changed_pages(const Ram& before, const Ram& after) {
    PageBitmap changed(kRamSize / kPageSize);
    for (std::uint64_t page = 0; page < kRamSize / kPageSize; ++page) {
        if (std::memcmp(before.bytes().data() + page * kPageSize,
                        after.bytes().data() + page * kPageSize, kPageSize) != 0) {
            changed.set(page);
        }
    }
    return changed;
}

TEST(DirtyLog, HoldsEveryPageThatChanged) {
    TestVm vm;
    vm.load(read_guest(HVLAB_NASTY_GUEST));
    vm.enter_long_mode();
    vm.vm->set_dirty_logging(true);
    Ram before(kRamSize);
    RandomStream random(Seed(3));
    std::uint64_t at = 0, logged = 0, changed = 0;
    while (at < 60'000) {
        before.copy_from(vm.ram);
        at += 1 + random.below(500);
        vm.run_to(at);
        PageBitmap log((kHighRam + kHighRamSize) / kPageSize);
        vm.vm->fetch_and_clear_dirty(log);
        changed_pages(before, vm.ram).for_each([&](std::uint64_t page) {
            EXPECT_TRUE(log.test(page)) << "page " << page << " before " << at;
            ++changed;
        });
        logged += log.count();
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(changed, 1000u);
    EXPECT_LT(logged, 2 * changed) << "a log of nearly everything is none";
}

TEST(DirtyLog, PageWalksAreInIt) {
    TestVm vm;
    vm.load({0x8B, 0x04, 0x25, 0, 0, 6, 0, 0xEB, 0xFE});  // mov eax, [60000h]
    vm.enter_long_mode();
    vm.vm->set_dirty_logging(true);
    vm.vcpu->run({.instructions = 2});
    PageBitmap log((kHighRam + kHighRamSize) / kPageSize);
    vm.vm->fetch_and_clear_dirty(log);
    for (std::uint64_t page : {0x10, 0x11, 0x12, 0x13}) EXPECT_TRUE(log.test(page)) << page;
    EXPECT_FALSE(log.test(0x60)) << "only read";
    EXPECT_NE(vm.ram.get<std::uint64_t>(0x13000 + 0x60 * 8) & 0x20, 0u) << "accessed";
}

TEST(DirtyLog, HostWritesAreNotInItAndStopEndsIt) {
    TestVm vm;
    vm.load({0xFF, 0x04, 0x25, 0, 0, 6, 0, 0xEB, 0xF7});  // 1: inc dword [60000h]; jmp 1b
    vm.enter_long_mode();
    vm.vm->set_dirty_logging(true);
    vm.vm->host_wrote(0x70000, 10);
    vm.vcpu->run({.instructions = 10});
    PageBitmap log((kHighRam + kHighRamSize) / kPageSize);
    vm.vm->fetch_and_clear_dirty(log);
    EXPECT_TRUE(log.test(0x60));
    EXPECT_FALSE(log.test(0x70));
    log.clear();
    vm.vcpu->run({.instructions = 10});
    vm.vm->fetch_and_clear_dirty(log);
    EXPECT_TRUE(log.test(0x60)) << "logged anew after a fetch";
    log.clear();
    vm.vm->set_dirty_logging(false);
    vm.vcpu->run({.instructions = 10});
    vm.vm->fetch_and_clear_dirty(log);
    EXPECT_TRUE(log.none());
}

}  // namespace
}  // namespace hvlab
