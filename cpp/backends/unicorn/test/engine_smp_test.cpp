// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two vCPUs over one memory, taking turns in one thread: what one changes in code, the other
// executes changed. Through the engine's own interface; the backend does not offer a second vCPU
// yet.
#include "backends/unicorn/engine/vmm.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using conformance::Guest;
using conformance::kRamSize;

struct Nothing {
    static std::uint32_t port_read(void*, std::uint16_t, unsigned) { return 0; }
    static void port_write(void*, std::uint16_t, unsigned, std::uint32_t) {}
    static std::uint64_t memory_read(void*, std::uint64_t, unsigned) { return 0; }
    static void memory_write(void*, std::uint64_t, unsigned, std::uint64_t) {}
    static int acknowledge(void*) { return -1; }
    static std::uint64_t value(void*) { return 0; }
    static bool msr_read(void*, std::uint32_t, std::uint64_t*) { return false; }
    static bool msr_write(void*, std::uint32_t, std::uint64_t) { return false; }
    static void cpuid(void*, std::uint32_t leaf, std::uint32_t subleaf, std::uint32_t result[4]) {
        const CpuidResult found = CpuModel::named("x86-64-v2").cpuid(leaf, subleaf);
        result[0] = found.eax;
        result[1] = found.ebx;
        result[2] = found.ecx;
        result[3] = found.edx;
    }
    static constexpr vmm_callbacks kTable = {port_read,   port_write, memory_read, memory_write,
                                             acknowledge, value,      value,       msr_read,
                                             msr_write,   cpuid};
};

class SmpTest : public testing::Test {
protected:
    SmpTest() {
        setup_.enter(conformance::Mode::kLong);
        memory_.reset(vmm_memory_create());
        EXPECT_EQ(vmm_memory_map(memory_.get(), 0, kRamSize, setup_.ram.bytes().data(), true), 0);
        for (auto& cpu : cpus_) {
            int error = 0;
            cpu.reset(vmm_create(memory_.get(), &Nothing::kTable, nullptr, &error));
            EXPECT_NE(cpu, nullptr) << error;
        }
    }
    void start(unsigned index, GuestAddress rip, GuestAddress stack) {
        // Long mode by way of the backend's state, whose conversion is tested elsewhere.
        vmm_state state{};
        const CpuState from = setup_.vcpu->state();
        state.rip = rip;
        state.rflags = 2;
        state.gpr[kRsp] = stack;
        state.cr0 = from.cr0;
        state.cr3 = from.cr3;
        state.cr4 = from.cr4;
        state.efer = from.msrs.efer;
        state.segment[VMM_CS] = {
            .base = 0, .limit = 0xFFFFFFFF, .selector = 0x10, .flags = 0xA09B00};
        for (const int each : {VMM_DS, VMM_ES, VMM_SS}) {
            state.segment[each] = {
                .base = 0, .limit = 0xFFFFFFFF, .selector = 0x18, .flags = 0xC09300};
        }
        state.dr7 = 0x400;
        state.fcw = 0x37F;
        state.mxcsr = 0x1F80;
        vmm_set_state(cpus_[index].get(), &state);
    }

    Guest setup_{conformance::unicorn_backend()};  // memory and page tables
    std::unique_ptr<vmm_memory, decltype(&vmm_memory_destroy)> memory_{nullptr, vmm_memory_destroy};
    std::array<std::unique_ptr<vmm, decltype(&vmm_destroy)>, 2> cpus_{
        {{nullptr, vmm_destroy}, {nullptr, vmm_destroy}}};
};

TEST_F(SmpTest, OneRunsWhatTheOtherWrites) {
    // A: patch the function's number, publish it at 40000h, wait for the echo at 40008h.
    setup_.load({0xFF, 0xC1,                          // 1: inc ecx
                 0x89, 0x0C, 0x25, 0x01, 0x30, 0, 0,  // mov [3001h], ecx
                 0x89, 0x0C, 0x25, 0x00, 0x00, 4, 0,  // mov [40000h], ecx
                 0xF3, 0x90,                          // 2: pause
                 0x3B, 0x0C, 0x25, 0x08, 0x00, 4, 0,  // cmp ecx, [40008h]
                 0x75, 0xF5,                          // jne 2b
                 0xEB, 0xE3},                         // jmp 1b
                0x1000);
    // B: call the function all the time; when a new number is published it must return that one.
    setup_.load({0xBB, 0x00, 0x30, 0,    0,                 // mov ebx, 3000h
                 0xFF, 0xC1,                                // 1: inc ecx
                 0xFF, 0xD3,                                // 2: call rbx
                 0x3B, 0x0C, 0x25, 0x00, 0x00, 4, 0,        // cmp ecx, [40000h]
                 0x75, 0xF5,                                // jne 2b
                 0xFF, 0xD3,                                // call rbx
                 0x39, 0xC8,                                // cmp eax, ecx
                 0x74, 0x08,                                // je 3f
                 0xFF, 0x04, 0x25, 0x10, 0x00, 4, 0, 0x90,  // inc dword [40010h]; nop
                 0x89, 0x0C, 0x25, 0x08, 0x00, 4, 0,        // 3: mov [40008h], ecx
                 0xEB, 0xDC},                               // jmp 1b
                0x2000);
    setup_.load({0xB8, 0, 0, 0, 0, 0xC3}, 0x3000);  // mov eax, 0; ret
    std::uint32_t done = 0;
    for (const std::uint64_t quantum :
         {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{100}, std::uint64_t{5000}}) {
        setup_.ram.put(0x40000, std::uint32_t{0});
        setup_.ram.put(0x40008, std::uint32_t{0});
        setup_.ram.put(0x3001, std::uint32_t{0});
        vmm_memory_host_wrote(memory_.get(), 0x3001, 4);
        start(0, 0x1000, 0x80000);
        start(1, 0x2000, 0x70000);
        for (int turn = 0; turn < 2'000'000 && setup_.ram.get<std::uint32_t>(0x40008) < 500;
             ++turn) {
            for (const auto& cpu : cpus_) {
                const std::uint64_t before = vmm_retired(cpu.get());
                ASSERT_EQ(vmm_run(cpu.get(), quantum), VMM_EXIT_BUDGET);
                ASSERT_EQ(vmm_retired(cpu.get()), before + quantum);
            }
        }
        EXPECT_GE(setup_.ram.get<std::uint32_t>(0x40008), 500u) << "quantum " << quantum;
        EXPECT_EQ(setup_.ram.get<std::uint32_t>(0x40010), 0u) << "stale code, quantum " << quantum;
        ++done;
    }
    EXPECT_EQ(done, 4u);
}

TEST_F(SmpTest, TheDirtyLogHoldsTheStoresOfBoth) {
    setup_.load({0xFF, 0x04, 0x25, 0, 0, 5, 0, 0xEB, 0xF7},
                0x1000);  // 1: inc dword [50000h]; jmp 1b
    setup_.load({0xFF, 0x04, 0x25, 0, 0, 6, 0, 0xEB, 0xF7},
                0x2000);  // 1: inc dword [60000h]; jmp 1b
    start(0, 0x1000, 0x80000);
    start(1, 0x2000, 0x70000);
    ASSERT_EQ(vmm_memory_set_logging(memory_.get(), true), 0);
    for (int round = 0; round < 3; ++round) {
        for (const auto& cpu : cpus_) ASSERT_EQ(vmm_run(cpu.get(), 1000), VMM_EXIT_BUDGET);
        PageBitmap log(kRamSize / kPageSize);
        vmm_memory_fetch_dirty(
            memory_.get(),
            [](void* bitmap, std::uint64_t page) { static_cast<PageBitmap*>(bitmap)->set(page); },
            &log);
        EXPECT_TRUE(log.test(0x50)) << round;
        EXPECT_TRUE(log.test(0x60)) << round;
    }
}

}  // namespace
}  // namespace hvlab
