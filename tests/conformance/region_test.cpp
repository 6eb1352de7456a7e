// SPDX-License-Identifier: GPL-2.0-or-later
//
// Regions come, go, and are refused.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class Regions : public GuestTest {
protected:
    // Before the memory that a test has mapped goes out of scope.
    void close() {
        guest().vcpu.reset();
        guest().vm.reset();
    }
    // Reads the dword at 200000h, behind RAM, and stops.
    std::uint64_t read() {
        guest().boot(CODE64("mov eax, [0x200000]; out 0xF4, al"));
        guest().finish();
        return guest().gpr(kRax);
    }
};
ON_EVERY_VARIANT(Regions);

TEST_P(Regions, AppearUnderARunningGuest) {
    EXPECT_EQ(read(), device_value(kRamSize, 4));
    Ram more(2 * kPageSize);
    more.put(0, std::uint32_t{77});
    guest().vm->map_memory(kRamSize, more.bytes(), true);
    EXPECT_EQ(read(), 77u);
    EXPECT_EQ(guest().handler.accesses.size(), 1u);
    close();
}

TEST_P(Regions, Disappear) {
    Ram more(2 * kPageSize);
    more.put(0, std::uint32_t{77});
    guest().vm->map_memory(kRamSize, more.bytes(), true);
    EXPECT_EQ(read(), 77u);
    guest().vm->unmap_memory(kRamSize, more.size());
    EXPECT_EQ(read(), device_value(kRamSize, 4));
    EXPECT_EQ(guest().handler.accesses.size(), 1u);
    more.put(0, std::uint32_t{78});  // nobody looks
    EXPECT_EQ(read(), device_value(kRamSize, 4));
}

TEST_P(Regions, AreReplaced) {
    Ram one(kPageSize), other(kPageSize);
    one.put(0, std::uint32_t{1});
    other.put(0, std::uint32_t{2});
    for (Ram* each : {&one, &other, &one}) {
        guest().vm->map_memory(kRamSize, each->bytes(), true);
        EXPECT_EQ(read(), each->get<std::uint32_t>(0));
        guest().vm->unmap_memory(kRamSize, kPageSize);
    }
}

TEST_P(Regions, ReplacedCodeIsNotRemembered) {
    Ram one(kPageSize), other(kPageSize);
    one.put(0, CODE64("mov eax, 1; out 0xF4, al"));
    other.put(0, CODE64("mov eax, 2; out 0xF4, al"));
    std::uint64_t expected = 0;
    for (Ram* each : {&one, &other}) {
        guest().vm->map_memory(kRamSize, each->bytes(), true);
        guest().boot(CODE64("mov ecx, 0x200000; jmp rcx"));
        guest().finish();
        EXPECT_EQ(guest().gpr(kRax), ++expected);
        guest().vm->unmap_memory(kRamSize, kPageSize);
    }
    guest().boot(CODE64("mov ecx, 0x200000; jmp rcx"));
    EXPECT_EQ(guest().run().kind, ExitKind::kFetchFault);
}

TEST_P(Regions, ReadOnlyBecomesWritable) {
    Ram more(kPageSize);
    for (const bool writable : {false, true, false}) {
        guest().vm->map_memory(kRamSize, more.bytes(), writable);
        more.put(0, std::uint32_t{0});
        guest().handler.accesses.clear();
        guest().boot(CODE64("mov dword ptr [0x200000], 5; out 0xF4, al"));
        guest().finish();
        EXPECT_EQ(more.get<std::uint32_t>(0), writable ? 5u : 0u);
        EXPECT_EQ(guest().handler.accesses.size(), writable ? 0u : 1u);
        guest().vm->unmap_memory(kRamSize, kPageSize);
    }
}

TEST_P(Regions, CodeRunsFromReadOnlyMemory) {
    Ram rom(kPageSize);
    rom.put(0, CODE64("inc eax; mov [0x200002], al; inc eax; out 0xF4, al"));
    guest().vm->map_memory(kRamSize, rom.bytes(), false);
    guest().boot(CODE64("mov ecx, 0x200000; jmp rcx"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 2u) << "it cannot change itself";
    close();
}

TEST_P(Regions, MemoryAboveFourGigabytes) {
    guest().boot(CODE64("1: inc qword ptr [rdi]; add rdi, 8; dec ecx; jnz 1b; out 0xF4, al"));
    guest().change([](CpuState& state) {
        state.gpr[kRdi] = kHighRam + 0xFF0;
        state.gpr[kRcx] = 4;
    });
    guest().finish();
    for (std::uint64_t at = 0xFF0; at < 0x1010; at += 8) {
        EXPECT_EQ(guest().high.get<std::uint64_t>(at), 1u);
    }
    EXPECT_TRUE(guest().handler.accesses.empty());
}

TEST_P(Regions, TwoNamesOfOneMemory) {
    guest().vm->map_memory(kRamSize, guest().ram.bytes().subspan(kData, kPageSize), true);
    guest().boot(CODE64("mov dword ptr [0x200010], 99; mov eax, [0x50010]; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 99u);
}

TEST_P(Regions, AliasesLieWithinOneRegionAndGoBeforeIt) {
    Vm& vm = *guest().vm;
    const std::span<std::byte> ram = guest().ram.bytes();
    Ram more(2 * kPageSize);
    vm.map_memory(kRamSize, more.bytes().first(kPageSize), true);
    EXPECT_THROW(vm.map_memory(0x800000, more.bytes(), true), BackendError);
    vm.map_memory(0x900000, ram, true);
    vm.map_memory(0xC00000, ram.first(kPageSize), false);
    EXPECT_THROW(vm.unmap_memory(0, kRamSize), BackendError);
    vm.unmap_memory(0x900000, kRamSize);
    EXPECT_THROW(vm.unmap_memory(0, kRamSize), BackendError);
    vm.unmap_memory(0xC00000, kPageSize);
    vm.unmap_memory(kRamSize, kPageSize);
    vm.unmap_memory(0, kRamSize);
    vm.map_memory(0, ram, true);
}

TEST_P(Regions, ManyOfThem) {
    // Every second page behind RAM; what lies between is nothing.
    std::vector<Ram> rams;
    for (std::uint32_t i = 0; i < 64; ++i) {
        rams.emplace_back(kPageSize).put(0, i + 1);
        guest().vm->map_memory(kRamSize + i * 2 * kPageSize, rams.back().bytes(), true);
    }
    guest().boot(CODE64("mov eax, [rdi]; mov ebx, [rdi + 0x1000]; out 0xF4, al"));
    for (std::uint32_t i = 0; i < 64; ++i) {
        guest().change([=](CpuState& state) {
            state.rip = kEntry;
            state.gpr[kRdi] = kRamSize + i * 2 * kPageSize;
        });
        guest().finish();
        ASSERT_EQ(guest().gpr(kRax), i + 1);
        ASSERT_EQ(guest().gpr(kRbx), device_value(kRamSize + (i * 2 + 1) * kPageSize, 4));
    }
    close();
}

TEST_P(Regions, OverlapIsRefused) {
    Ram more(2 * kPageSize);
    Vm& vm = *guest().vm;
    EXPECT_THROW(vm.map_memory(kRamSize - kPageSize, more.bytes(), true), BackendError);
    EXPECT_THROW(vm.map_memory(0, more.bytes(), true), BackendError);
    EXPECT_THROW(vm.map_memory(kHighRam - kPageSize, more.bytes(), true), BackendError);
    EXPECT_NO_THROW(vm.map_memory(kRamSize, more.bytes(), true)) << "side by side is none";
    close();
}

TEST_P(Regions, WhatIsNotAlignedIsRefused) {
    Ram more(2 * kPageSize);
    Vm& vm = *guest().vm;
    EXPECT_THROW(vm.map_memory(kRamSize + 1, more.bytes(), true), BackendError);
    EXPECT_THROW(vm.map_memory(kRamSize, more.bytes().subspan(0, 100), true), BackendError);
    EXPECT_THROW(vm.map_memory(kRamSize, {}, true), BackendError);
}

TEST_P(Regions, WhatWrapsIsRefused) {
    Ram more(2 * kPageSize);
    EXPECT_THROW(guest().vm->map_memory(~0ull << 12, more.bytes(), true), BackendError);
}

TEST_P(Regions, APartIsNotUnmapped) {
    EXPECT_THROW(guest().vm->unmap_memory(0, kPageSize), BackendError);
    EXPECT_THROW(guest().vm->unmap_memory(kPageSize, kPageSize), BackendError);
    EXPECT_THROW(guest().vm->unmap_memory(kRamSize, kPageSize), BackendError) << "nothing there";
}

TEST_P(Regions, ARefusalChangesNothing) {
    Ram more(2 * kPageSize);
    EXPECT_THROW(guest().vm->map_memory(kRamSize - kPageSize, more.bytes(), true), BackendError);
    EXPECT_THROW(guest().vm->unmap_memory(0, kPageSize), BackendError);
    EXPECT_EQ(read(), device_value(kRamSize, 4));
}

class Vms : public BackendTest {};
ON_EVERY_BACKEND(Vms);

TEST_P(Vms, AreIndependent) {
    Guest one(backend()), other(backend());
    one.boot(CODE64("mov dword ptr [0x50000], 1; mov eax, 1; out 0xF4, al"));
    other.boot(CODE64("mov eax, 2; out 0xF4, al"));
    one.finish();
    other.finish();
    EXPECT_EQ(one.gpr(kRax), 1u);
    EXPECT_EQ(other.gpr(kRax), 2u);
    EXPECT_EQ(other.ram.get<std::uint32_t>(kData), 0u);
}

TEST_P(Vms, ComeAndGo) {
    for (int i = 0; i < 50; ++i) {
        Guest guest(backend());
        guest.boot(CODE64("inc eax; out 0xF4, al"));
        guest.finish();
        ASSERT_EQ(guest.gpr(kRax), 1u);
        if (i % 2 == 0) {
            guest.vm.reset();  // before its vCPU: that has to go too
        }
    }
}

TEST_P(Vms, VcpusBeyondTheirNumberAreRefused) {
    Guest guest(backend());
    Handler handler;
    EXPECT_THROW(guest.vm->create_vcpu(backend().create()->capabilities().max_vcpus, handler),
                 BackendError);
}

}  // namespace
}  // namespace hvlab::conformance
