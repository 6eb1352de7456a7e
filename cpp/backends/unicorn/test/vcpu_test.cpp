// SPDX-License-Identifier: GPL-2.0-or-later
//
// What ends a run and where, interrupts, and what instructions ask of the processor.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include "backends/unicorn/test/test_vm.h"

namespace hvlab {
namespace {

class VcpuTest : public testing::Test {
protected:
    // Long mode with the code at kEntry; gates, if needed, by set_gate().
    void boot(std::initializer_list<std::uint8_t> code) {
        vm_.load(code);
        vm_.enter_long_mode();
        vm_.handler.timer.reset();
    }
    void set_gate(unsigned vector, GuestAddress to) {
        vm_.ram.put(TestVm::kIdt + vector * 16,
                    (to & 0xFFFF) | 0x10ull << 16 | 0x8E00ull << 32 | to >> 16 << 48);
    }
    Exit run(std::uint64_t instructions = Budget::kUnlimited) {
        return vm_.vcpu->run({.instructions = instructions});
    }
    std::uint64_t retired() const { return vm_.counter->retired(); }
    CpuState state() const { return vm_.vcpu->state(); }
    template <typename Change>
    void change_state(Change&& change) {
        CpuState state = vm_.vcpu->state();
        change(state);
        vm_.vcpu->set_state(state);
    }

    TestVm vm_;
};

// ---- Budgets and counting

TEST_F(VcpuTest, BudgetsAreExact) {
    boot({0xFF, 0xC0, 0xEB, 0xFC});  // 1: inc eax; jmp 1b
    EXPECT_EQ(run(0).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 0u);
    EXPECT_EQ(state().rip, kEntry);
    EXPECT_EQ(run(1).kind, ExitKind::kBudget);
    EXPECT_EQ(state().rip, kEntry + 2);
    EXPECT_EQ(run(65'536).kind, ExitKind::kBudget);
    EXPECT_EQ(run(10'000'001).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 10'065'538u);
    EXPECT_EQ(state().gpr[kRax], 10'065'538u / 2);
}

TEST_F(VcpuTest, TheCountContinuesWhereItIsSet) {
    boot({0xEB, 0xFE});  // jmp .
    vm_.counter->set_retired(1ull << 40);
    EXPECT_EQ(run(70'000).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), (1ull << 40) + 70'000);
}

TEST_F(VcpuTest, ARepIterationIsAnInstruction) {
    boot({0xB9, 5, 0, 0, 0,  // mov ecx, 5
          0xBF, 0, 0, 5, 0,  // mov edi, 50000h
          0xF3, 0xAA,        // rep stosb
          0x31, 0xC9,        // xor ecx, ecx
          0xF3, 0xAA,        // rep stosb: nothing to do, one instruction
          0xEB, 0xFE});
    run(2 + 5);
    EXPECT_EQ(state().rip, kEntry + 12);
    EXPECT_EQ(state().gpr[kRcx], 0u);
    EXPECT_EQ(state().gpr[kRdi], 0x50005u);
    run(2);
    EXPECT_EQ(state().rip, kEntry + 16);
}

TEST_F(VcpuTest, WhatFaultsDoesNotCount) {
    boot({0x0F, 0x0B,                        // ud2
          0xEB, 0xFE});                      // jmp .
    vm_.load({0x48, 0x83, 0x04, 0x24, 0x02,  // handler: add qword [rsp], 2
              0x48, 0xCF},
             0x3000);  // iretq
    set_gate(6, 0x3000);
    run(1);  // the fault and the handler's first instruction
    EXPECT_EQ(state().rip, 0x3005u);
    run(1);
    EXPECT_EQ(state().rip, kEntry + 2);
}

TEST_F(VcpuTest, ASoftwareInterruptCountsUnlessItFaults) {
    boot({0xCD, 0x80,  // int 80h
          0xCD, 0x77,  // int 77h: no gate there, #GP
          0xEB, 0xFE});
    vm_.load({0x48, 0xCF}, 0x3000);          // iretq
    vm_.load({0x48, 0x83, 0xC4, 0x08,        // add rsp, 8
              0x48, 0x83, 0x04, 0x24, 0x02,  // add qword [rsp], 2
              0x48, 0xCF},
             0x3100);
    set_gate(0x80, 0x3000);
    set_gate(13, 0x3100);
    run(1);
    EXPECT_EQ(state().rip, 0x3000u);
    run(1);
    EXPECT_EQ(state().rip, kEntry + 2);
    run(1);
    EXPECT_EQ(state().rip, 0x3104u) << "INT 77h itself must not have been counted";
}

TEST_F(VcpuTest, ACallbackSeesTheTimeOfItsInstruction) {
    boot({0x90, 0x90,           // nop; nop
          0xE4, 0x60,           // in al, 60h: answers with the count
          0x89, 0xC3,           // mov ebx, eax
          0xBF, 0, 0, 0, 0xFE,  // mov edi, FE000000h
          0x8B, 0x0F,           // mov ecx, [rdi]
          0x0F, 0x31,           // rdtsc
          0xEB, 0xFE});
    run(100);
    EXPECT_EQ(state().gpr[kRbx], 2u);
    EXPECT_EQ(state().gpr[kRcx], 5u);
    EXPECT_EQ(state().gpr[kRax], 6u);
}

TEST_F(VcpuTest, ADeviceShortensTheBudget) {
    boot({0xB8, 3, 0, 0, 0,    // mov eax, 3
          0xE7, 0x84,          // out 84h, eax: due 5 + 3 from now
          0x90, 0xEB, 0xFD});  // 1: nop; jmp 1b
    EXPECT_EQ(run(1'000'000).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 1u + 5 + 3);
}

TEST_F(VcpuTest, StopsRightAfterTheAccess) {
    boot({0x90, 0xE6, 0x81, 0x90, 0x90, 0xEB, 0xFC});
    EXPECT_EQ(run().kind, ExitKind::kStopped);
    EXPECT_EQ(state().rip, kEntry + 3);
    EXPECT_EQ(retired(), 2u);
    EXPECT_EQ(run(10).kind, ExitKind::kBudget) << "a stop ends one run";
}

TEST_F(VcpuTest, StopsBetweenTheIterationsOfOuts) {
    boot({0xBA, 0x81, 0, 0, 0,  // mov edx, 81h
          0xBE, 0, 0, 5, 0,     // mov esi, 50000h
          0xB9, 3, 0, 0, 0,     // mov ecx, 3
          0xF3, 0x6E,           // rep outsb
          0xEB, 0xFE});
    for (std::uint64_t left : {2, 1, 0}) {
        EXPECT_EQ(run().kind, ExitKind::kStopped);
        EXPECT_EQ(state().gpr[kRcx], left);
        EXPECT_EQ(state().rip, left != 0 ? kEntry + 15 : kEntry + 17);
    }
}

class ThrowingHandler : public LoggingHandler {
public:
    std::uint32_t port_read(std::uint16_t, unsigned) override {
        throw std::runtime_error("device");
    }
};

TEST_F(VcpuTest, AnExceptionOfTheHandlerComesOutOfRun) {
    ThrowingHandler handler;
    auto vm = UnicornBackend().create_vm(CpuModel::named("x86-64-v2"));
    vm->map_memory(0, vm_.ram.bytes(), true);
    boot({0x90, 0xE4, 0x60, 0xEB, 0xFE});
    const auto vcpu = vm->create_vcpu(0, handler);
    vcpu->set_state(state());
    EXPECT_THROW(vcpu->run({}), std::runtime_error);
    EXPECT_EQ(vcpu->state().rip, kEntry + 3);
    EXPECT_EQ(vcpu->run({.instructions = 5}).kind, ExitKind::kBudget);
}

// ---- Kicks

TEST_F(VcpuTest, AKickBeforeTheRunEndsIt) {
    boot({0xEB, 0xFE});
    vm_.vcpu->kick();
    vm_.vcpu->kick();
    EXPECT_EQ(run().kind, ExitKind::kKicked);
    EXPECT_EQ(run(10).kind, ExitKind::kBudget) << "one return answers all kicks before it";
}

TEST_F(VcpuTest, AKickSurvivesARunThatEndsOtherwise) {
    boot({0xEB, 0xFE});
    vm_.vcpu->kick();
    EXPECT_EQ(run(0).kind, ExitKind::kBudget);
    EXPECT_EQ(run().kind, ExitKind::kKicked);
}

TEST_F(VcpuTest, NoKickIsEverLost) {
    // Short blocks, so that the request is often overwritten by a block that begins; each kick
    // waits for its answer, so that a lost one hangs the test.
    boot({0xFF, 0xC0, 0xEB, 0x00, 0xEB, 0xFA});  // 1: inc eax; jmp 2f; 2: jmp 1b
    constexpr int kKicks = 300;
    std::atomic<int> answered{0};
    std::thread storm([&] {
        for (int i = 0; i < kKicks; ++i) {
            vm_.vcpu->kick();
            while (answered.load() <= i) std::this_thread::yield();
        }
    });
    for (int i = 0; i < kKicks; ++i) {
        EXPECT_EQ(run().kind, ExitKind::kKicked);
        answered.fetch_add(1);
    }
    storm.join();
    EXPECT_EQ(run(10).kind, ExitKind::kBudget);
}

// ---- Ends

TEST_F(VcpuTest, FaultsWithoutAnInstructionBetweenThemAreAnExit) {
    // The page-fault handler's own page is not present and its stack is switched each time: no
    // instruction ever retires, so that no budget ends it.
    boot({0xA1, 0, 0x30, 0x18, 0, 0, 0, 0, 0});  // mov eax, [183000h]
    set_gate(14, 0x184000);
    vm_.ram.put(TestVm::kIdt + 14 * 16 + 4, std::uint8_t{1});  // IST 1
    vm_.ram.put(TestVm::kTss + 36, std::uint64_t{0x79000});
    const CpuState before = state();
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kInternal);
    EXPECT_THAT(exit.detail, testing::HasSubstr("exceptions in a row"));
    EXPECT_EQ(retired(), 0u);
    EXPECT_EQ(run().kind, ExitKind::kInternal);
    vm_.load({0xEB, 0xFE});
    vm_.vcpu->set_state(before);
    EXPECT_EQ(run(3).kind, ExitKind::kBudget);
}

TEST_F(VcpuTest, TripleFaultIsAnExitThatStays) {
    boot({0x0F, 0x0B});
    change_state([](CpuState& state) { state.idtr.limit = 0; });
    const CpuState before = state();
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
    EXPECT_EQ(retired(), 0u);
    vm_.load({0xEB, 0xFE});
    vm_.vcpu->set_state(before);
    EXPECT_EQ(run(3).kind, ExitKind::kBudget);
}

TEST_F(VcpuTest, FetchFromNowhereIsAnExit) {
    boot({0xFF, 0xE0});  // jmp rax
    change_state([](CpuState& state) { state.gpr[kRax] = 0xFE000123; });
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, 0xFE000123u);
    EXPECT_EQ(state().rip, 0xFE000123u);
    EXPECT_EQ(retired(), 1u);
    EXPECT_EQ(run().kind, ExitKind::kFetchFault);
}

TEST_F(VcpuTest, FetchOverTheEndOfMemory) {
    boot({0xFF, 0xE0});
    vm_.high.put(kHighRamSize - 3, std::uint8_t{0x90});     // nop
    vm_.high.put(kHighRamSize - 2, std::uint16_t{0x00B8});  // mov eax, imm32: three bytes missing
    change_state([](CpuState& state) { state.gpr[kRax] = kHighRam + kHighRamSize - 3; });
    const Exit exit = run();
    EXPECT_EQ(exit.kind, ExitKind::kFetchFault);
    EXPECT_EQ(exit.address, kHighRam + kHighRamSize);
    EXPECT_EQ(state().rip, kHighRam + kHighRamSize - 2);
    EXPECT_EQ(retired(), 2u);
}

TEST_F(VcpuTest, HltEndsTheRunBehindItself) {
    boot({0xF4, 0x90, 0xEB, 0xFD});
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(state().rip, kEntry + 1);
    EXPECT_TRUE(state().halted);
    EXPECT_EQ(retired(), 1u);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_EQ(retired(), 1u);
    vm_.handler.raise();
    EXPECT_EQ(run().kind, ExitKind::kHalted) << "interrupts are disabled";
    vm_.vcpu->raise_nmi();
    set_gate(2, kEntry + 1);
    EXPECT_EQ(run(3).kind, ExitKind::kBudget);
    EXPECT_FALSE(state().halted);
    EXPECT_TRUE(state().nmi_blocked);
}

TEST_F(VcpuTest, AnInterruptWakesHlt) {
    boot({0xFB, 0xF4, 0xEB, 0xFE});  // sti; hlt; jmp .
    vm_.load({0x48, 0xCF}, 0x3000);
    set_gate(kIrqVector, 0x3000);
    EXPECT_EQ(run().kind, ExitKind::kHalted);
    EXPECT_TRUE(vm_.vcpu->interrupt_window());
    vm_.handler.raise();
    EXPECT_EQ(run(2).kind, ExitKind::kBudget);
    EXPECT_EQ(state().rip, kEntry + 2) << "IRETQ has come back behind HLT";
}

TEST_F(VcpuTest, HltAndBudgetTogether) {
    boot({0xF4});
    EXPECT_EQ(run(1).kind, ExitKind::kBudget);
    EXPECT_TRUE(state().halted);
    EXPECT_EQ(run(1).kind, ExitKind::kHalted);
}

// ---- Interrupts

TEST_F(VcpuTest, AnInterruptWaitsForTheWindow) {
    boot({0x90,  // nop
          0xFB,  // sti
          0x90,  // nop, in the shadow
          0x90, 0xEB, 0xFE});
    set_gate(kIrqVector, 0x3000);
    vm_.load({0xEB, 0xFE}, 0x3000);
    vm_.handler.raise();
    EXPECT_EQ(run(1).kind, ExitKind::kBudget);
    EXPECT_FALSE(vm_.vcpu->interrupt_window());
    run(1);
    EXPECT_TRUE(state().shadow_sti);
    EXPECT_FALSE(state().shadow_mov_ss);
    EXPECT_FALSE(vm_.vcpu->interrupt_window());
    run(1);
    EXPECT_EQ(state().rip, kEntry + 3);
    EXPECT_TRUE(vm_.vcpu->interrupt_window());
    EXPECT_TRUE(vm_.handler.request) << "delivery waits for the next run";
    run(1);
    EXPECT_EQ(state().rip, 0x3000u);
    EXPECT_FALSE(vm_.handler.request);
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(state().gpr[kRsp]), kEntry + 3) << "where it interrupted";
}

TEST_F(VcpuTest, TheShadowOfStiEndsAtARet) {
    // RET leaves by an indirect jump; the interrupt must come before what it returns to, in one run
    // too.
    boot({0x68, 0x0A, 0x10, 0, 0,                    // push 100Ah
          0xFB, 0xC3,                                // sti; ret
          0x90, 0x90, 0x90, 0xFF, 0xC0, 0xFF, 0xC0,  // 100Ah: inc eax; inc eax
          0xEB, 0xFE});
    set_gate(kIrqVector, 0x3000);
    vm_.load({0xEB, 0xFE}, 0x3000);
    run(1'000);  // translated and chained, nothing pending
    EXPECT_EQ(state().gpr[kRax], 2u);
    change_state([](CpuState& state) {
        state.rip = kEntry;
        state.gpr[kRax] = 0;
        state.rflags = 2;
    });
    vm_.handler.raise();
    run(1'000);
    EXPECT_EQ(state().gpr[kRax], 0u);
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(state().gpr[kRsp]), kEntry + 10);
}

TEST_F(VcpuTest, MovSsCastsItsOwnShadow) {
    boot({0x8C, 0xD0, 0x8E, 0xD0, 0x90, 0xEB, 0xFE});  // mov eax, ss; mov ss, eax; nop
    run(2);
    EXPECT_TRUE(state().shadow_mov_ss);
    EXPECT_FALSE(state().shadow_sti);
    run(1);
    EXPECT_FALSE(state().shadow_mov_ss);
}

TEST_F(VcpuTest, AnExceptionEndsTheShadow) {
    boot({0xFB, 0x0F, 0x0B});  // sti; ud2
    vm_.load({0x90, 0xEB, 0xFD}, 0x3000);
    set_gate(6, 0x3000);
    vm_.ram.put(TestVm::kIdt + 6 * 16 + 5, std::uint8_t{0x8F});  // a trap gate: IF stays set
    vm_.load({0xEB, 0xFE}, 0x3100);
    set_gate(kIrqVector, 0x3100);
    run(1);
    vm_.handler.raise();
    run(1);
    EXPECT_EQ(state().rip, 0x3100u) << "before the first instruction of the #UD handler";
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(state().gpr[kRsp]), 0x3000u);
}

TEST_F(VcpuTest, ARequestThatGoesAwayIsNotDelivered) {
    boot({0xFB, 0x90, 0xEB, 0xFE});
    vm_.vcpu->set_interrupt_line(true);  // but the handler has no vector
    EXPECT_EQ(run(100).kind, ExitKind::kBudget);
    EXPECT_EQ(state().rip, kEntry + 2);
}

TEST_F(VcpuTest, NmiBlocksNmiUntilIret) {
    boot({0xEB, 0xFE});
    vm_.load({0x90, 0x90, 0x48, 0xCF}, 0x3000);
    set_gate(2, 0x3000);
    vm_.vcpu->raise_nmi();
    run(1);
    EXPECT_EQ(state().rip, 0x3001u);
    vm_.vcpu->raise_nmi();
    run(1);
    EXPECT_EQ(state().rip, 0x3002u);
    EXPECT_TRUE(state().nmi_pending);
    run(1);
    EXPECT_EQ(state().rip, kEntry);
    EXPECT_FALSE(state().nmi_blocked);
    run(1);
    EXPECT_EQ(state().rip, 0x3001u);
}

TEST_F(VcpuTest, APendingExceptionIsDeliveredFirst) {
    boot({0xEB, 0xFE});
    vm_.load({0xEB, 0xFE}, 0x3000);
    set_gate(13, 0x3000);
    change_state([](CpuState& state) {
        state.exception = {
            .pending = true, .vector = 13, .has_error_code = true, .error_code = 0x18};
    });
    EXPECT_EQ(run(0).kind, ExitKind::kBudget);
    EXPECT_TRUE(state().exception.pending);
    EXPECT_EQ(state().exception.error_code, 0x18u);
    run(1);
    EXPECT_FALSE(state().exception.pending);
    EXPECT_EQ(state().rip, 0x3000u);
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(state().gpr[kRsp]), 0x18u);
}

TEST_F(VcpuTest, AMissingTaskStateIsTheGuestsFault) {
    // An interrupt in user mode without a TSS to take the stack from: #TS, #DF, and the end; not
    // ours.
    boot({0xCD, 0x80});
    set_gate(0x80, 0x3000);
    vm_.ram.put(TestVm::kIdt + 0x80 * 16 + 5, std::uint8_t{0xEE});  // DPL 3
    change_state([](CpuState& state) {
        state.tr.present = false;
        state.cs.selector = 0x33;
        state.cs.dpl = 3;
        state.ss.selector = 0x2B;
        state.ss.dpl = 3;
    });
    EXPECT_EQ(run().kind, ExitKind::kTripleFault);
}

// ---- What instructions ask

TEST_F(VcpuTest, CpuidIsTheModels) {
    const CpuModel& model = CpuModel::named("x86-64-v2");
    for (const std::uint32_t leaf : {0u, 1u, 4u, 7u, 0x40000000u, 0x80000001u, 0x80000008u}) {
        boot({0x0F, 0xA2, 0xEB, 0xFE});
        change_state([=](CpuState& state) {
            state.gpr[kRax] = leaf;
            state.gpr[kRcx] = 0;
        });
        run(1);
        const CpuidResult expected = model.cpuid(leaf, 0);
        EXPECT_EQ(state().gpr[kRax], expected.eax) << leaf;
        EXPECT_EQ(state().gpr[kRbx], expected.ebx) << leaf;
        EXPECT_EQ(state().gpr[kRcx], expected.ecx) << leaf;
        EXPECT_EQ(state().gpr[kRdx], expected.edx) << leaf;
    }
}

class MsrHandler : public LoggingHandler {
public:
    std::optional<std::uint64_t> msr_read(std::uint32_t index) override {
        return index == 0x1B ? std::optional<std::uint64_t>(0xFEE00900) : std::nullopt;
    }
    bool msr_write(std::uint32_t index, std::uint64_t value) override {
        written = value;
        return index == 0x1B;
    }
    std::uint64_t written = 0;
};

TEST_F(VcpuTest, OtherMsrsAreTheHandlers) {
    boot({0xB9, 0x1B, 0, 0, 0, 0x0F, 0x32,  // mov ecx, 1Bh; rdmsr
          0xFF, 0xC0, 0x0F, 0x30,           // inc eax; wrmsr
          0xFF, 0xC1, 0x0F, 0x32});         // inc ecx; rdmsr: #GP
    vm_.load({0xEB, 0xFE}, 0x3000);
    set_gate(13, 0x3000);
    MsrHandler handler;
    auto vm = UnicornBackend().create_vm(CpuModel::named("x86-64-v2"));
    vm->map_memory(0, vm_.ram.bytes(), true);
    const auto vcpu = vm->create_vcpu(0, handler);
    handler.vcpu = vcpu.get();
    handler.counter = vcpu->capability<InstructionCounter>();
    vcpu->set_state(state());
    EXPECT_EQ(vcpu->run({.instructions = 6}).kind, ExitKind::kBudget);
    EXPECT_EQ(handler.written, 0xFEE00901u);
    EXPECT_EQ(vcpu->state().rip, 0x3000u);
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(vcpu->state().gpr[kRsp]), 0u) << "error code";
    EXPECT_EQ(vm_.ram.get<std::uint64_t>(vcpu->state().gpr[kRsp] + 8), kEntry + 13);
}

TEST_F(VcpuTest, MsrsOfTheStateAreWrittenAndRead) {
    struct Register {
        std::uint32_t index;
        std::uint64_t value;
        std::function<std::uint64_t(const CpuState&)> field;
    };
    constexpr std::uint64_t kAddress = 0xFFFF8123456789A8u;
    const Register registers[] = {
        {0x174, 0x1234, [](const CpuState& s) { return s.msrs.sysenter_cs; }},
        {0x175, kAddress, [](const CpuState& s) { return s.msrs.sysenter_esp; }},
        {0x176, kAddress, [](const CpuState& s) { return s.msrs.sysenter_eip; }},
        {0x1A0, 0x850089, [](const CpuState& s) { return s.msrs.misc_enable; }},
        {0x203, 0xFF0000800, [](const CpuState& s) { return s.msrs.mtrr_phys_mask[1]; }},
        {0x20E, 0xF0000006, [](const CpuState& s) { return s.msrs.mtrr_phys_base[7]; }},
        {0x250, 0x0606060606060606, [](const CpuState& s) { return s.msrs.mtrr_fixed[0]; }},
        {0x259, 0x0505050505050505, [](const CpuState& s) { return s.msrs.mtrr_fixed[2]; }},
        {0x26F, 0x0404040404040404, [](const CpuState& s) { return s.msrs.mtrr_fixed[10]; }},
        {0x277, 0x0007010600070106, [](const CpuState& s) { return s.msrs.pat; }},
        {0x2FF, 0xC06, [](const CpuState& s) { return s.msrs.mtrr_def_type; }},
        {0xC0000081, 0x0023001000000000, [](const CpuState& s) { return s.msrs.star; }},
        {0xC0000082, kAddress, [](const CpuState& s) { return s.msrs.lstar; }},
        {0xC0000083, kAddress, [](const CpuState& s) { return s.msrs.cstar; }},
        {0xC0000084, 0x47700, [](const CpuState& s) { return s.msrs.fmask; }},
        {0xC0000100, kAddress, [](const CpuState& s) { return s.fs.base; }},
        {0xC0000101, kAddress, [](const CpuState& s) { return s.gs.base; }},
        {0xC0000102, kAddress, [](const CpuState& s) { return s.msrs.kernel_gs_base; }},
        {0xC0000103, 0x12345678, [](const CpuState& s) { return s.msrs.tsc_aux; }},
    };
    for (const Register& each : registers) {
        boot({0x0F, 0x30, 0x31, 0xC0, 0x31, 0xD2, 0x0F,
              0x32});  // wrmsr; xor eax, eax; xor edx, edx; rdmsr
        change_state([&](CpuState& state) {
            state.gpr[kRcx] = each.index;
            state.gpr[kRax] = each.value & 0xFFFFFFFF;
            state.gpr[kRdx] = each.value >> 32;
        });
        run(4);
        EXPECT_EQ(each.field(state()), each.value) << std::hex << each.index;
        EXPECT_EQ(state().gpr[kRdx] << 32 | state().gpr[kRax], each.value)
            << std::hex << each.index;
    }
}

TEST_F(VcpuTest, BadValuesForMsrsFault) {
    vm_.load({0xEB, 0xFE}, 0x3000);
    const std::pair<std::uint32_t, std::uint64_t> writes[] = {
        {0x277, 0x0000000000000002},       // PAT: no such memory type
        {0xC0000080, 0x1D01},              // EFER: SVME
        {0xC0000080, 0x001},               // EFER: LME off under paging
        {0xC0000082, 0x0001000000000000},  // LSTAR: not canonical
        {0xC0000103, 0x100000000},         // TSC_AUX has 32 bits
        {0xFE, 0},                         // MTRRcap is read only
    };
    for (const auto& [index, value] : writes) {
        boot({0x0F, 0x30, 0xEB, 0xFE});
        set_gate(13, 0x3000);
        change_state([index = index, value = value](CpuState& state) {
            state.gpr[kRcx] = index;
            state.gpr[kRax] = value & 0xFFFFFFFF;
            state.gpr[kRdx] = value >> 32;
        });
        run(1);
        EXPECT_EQ(state().rip, 0x3000u) << std::hex << index << " " << value;
    }
}

TEST_F(VcpuTest, TheTimeStampCounterCanBeSet) {
    boot({0xB9, 0x10, 0, 0, 0,           // mov ecx, 10h
          0xB8, 0, 0, 1, 0, 0x31, 0xD2,  // mov eax, 10000h; xor edx, edx
          0x0F, 0x30,                    // wrmsr, at 3
          0x0F, 0x31,                    // rdtsc, at 4
          0xEB, 0xFE});
    run(10);
    EXPECT_EQ(state().gpr[kRax], 0x10001u);
    EXPECT_EQ(state().msrs.tsc_offset, 0x10000u - 3);
}

TEST_F(VcpuTest, ReservedBitsOfControlRegistersFault) {
    vm_.load({0xEB, 0xFE}, 0x3000);
    const std::uint64_t kFaulted = 0x3000;
    const auto move_to = [&](std::uint8_t reg, std::uint64_t value) {
        boot({0x0F, 0x22, static_cast<std::uint8_t>(0xC0 | reg << 3), 0xEB, 0xFE});  // mov crN, rax
        set_gate(13, kFaulted);
        change_state([=](CpuState& state) { state.gpr[kRax] = value; });
        run(2);
        return state().rip;
    };
    EXPECT_EQ(move_to(0, 0x80010033), kEntry + 3);
    EXPECT_EQ(move_to(0, 0x180010033), kFaulted);
    EXPECT_EQ(move_to(0, 0x80000000), kFaulted) << "paging without protection";
    EXPECT_EQ(move_to(4, 0x620), kEntry + 3);
    EXPECT_EQ(move_to(4, 0x40620), kFaulted) << "OSXSAVE without XSAVE";
    EXPECT_EQ(move_to(4, 0x600), kFaulted) << "long mode needs PAE";
    EXPECT_EQ(move_to(3, 1ull << 45), kFaulted);
}

TEST_F(VcpuTest, SysenterEntersTheKernel) {
    boot({0x0F, 0x34});
    vm_.load({0xEB, 0xFE}, 0x3000);
    change_state([](CpuState& state) {
        state.cs = flat_segment(0x33, true);
        state.cs.dpl = 3;
        state.ss = flat_segment(0x2B, false);
        state.ss.dpl = 3;
        state.msrs.sysenter_cs = 0x10;
        state.msrs.sysenter_esp = 0x7000;
        state.msrs.sysenter_eip = 0x3000;
        state.rflags = 0x202;
    });
    run(2);
    EXPECT_EQ(state().rip, 0x3000u);
    EXPECT_EQ(state().cs.selector, 0x10);
    EXPECT_EQ(state().cs.dpl, 0);
    EXPECT_EQ(state().ss.selector, 0x18);
    EXPECT_EQ(state().gpr[kRsp], 0x7000u);
    EXPECT_EQ(state().rflags, 2u);
}

TEST_F(VcpuTest, RealModeFromReset) {
    TestVm vm;
    vm.handler.timer.reset();
    vm.load({0xB8, 0x34, 0x12,  // mov ax, 1234h
             0xA3, 0x00, 0x05,  // mov [500h], ax
             0xCD, 0x10,        // int 10h
             0xEB, 0xFE},
            0x7C00);
    vm.load({0xCF}, 0x6000);  // iret
    vm.ram.put(0x10 * 4, std::uint32_t{0x6000});
    CpuState state = reset_state();
    state.cs.selector = 0;
    state.cs.base = 0;
    state.rip = 0x7C00;
    state.gpr[kRsp] = 0x7000;
    vm.vcpu->set_state(state);
    EXPECT_EQ(vm.vcpu->run({.instructions = 4}).kind, ExitKind::kBudget);
    EXPECT_EQ(vm.vcpu->state().rip, 0x7C08u);
    EXPECT_EQ(vm.ram.get<std::uint16_t>(0x500), 0x1234);
}

}  // namespace
}  // namespace hvlab
