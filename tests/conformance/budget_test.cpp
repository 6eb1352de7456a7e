// SPDX-License-Identifier: GPL-2.0-or-later
//
// Budgets end exactly, and the count of retired instructions is exact everywhere.
#include "core/base/random.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class Budgets : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kInstructionCount);
    }
    std::uint64_t retired() { return guest().counter->retired(); }
    Exit run(std::uint64_t instructions) {
        return guest().vcpu->run({.instructions = instructions});
    }
};
ON_EVERY_BACKEND(Budgets);

TEST_P(Budgets, ZeroDoesNothing) {
    guest().boot(CODE64("1: inc eax; jmp 1b"));
    const CpuState before = guest().state();
    EXPECT_EQ(run(0).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 0u);
    EXPECT_EQ(guest().state(), before);
}

TEST_P(Budgets, ZeroDoesNotDeliverWhatIsDue) {
    guest().boot(CODE64("nop; nop; out 0xF4, al"));
    guest().catch_everything();
    guest().change([](CpuState& state) { state.rflags |= 0x200; });
    guest().handler.request_interrupt(0x30);
    guest().vcpu->raise_nmi();
    EXPECT_EQ(run(0).kind, ExitKind::kBudget);
    EXPECT_EQ(guest().rip(), kEntry);
    EXPECT_EQ(guest().handler.acknowledged, 0u);
}

TEST_P(Budgets, OneIsOneInstruction) {
    guest().boot(CODE64("1: inc eax; jmp 1b"));
    EXPECT_EQ(run(1).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 1u);
    EXPECT_EQ(guest().rip(), kEntry + 2);
}

TEST_P(Budgets, LargeOnesAreExact) {
    guest().boot(CODE64("1: inc eax; jmp 1b"));
    std::uint64_t total = 0;
    for (const std::uint64_t budget : {65'535u, 65'536u, 65'537u, 1'000'001u, 7u, 10'000'001u}) {
        EXPECT_EQ(run(budget).kind, ExitKind::kBudget);
        total += budget;
        ASSERT_EQ(retired(), total);
        ASSERT_EQ(guest().gpr(kRax), (total + 1) / 2);
    }
}

TEST_P(Budgets, EndAtEveryInstructionOfShortBlocks) {
    // Calls, returns, conditional jumps taken and not, an indirect jump: 24 instructions a round.
    const auto code = CODE64(R"(
        1: inc eax
        test al, 1
        jz 2f
        add ebx, 3
        2: call 3f
        lea rdx, [rip + 4f]
        jmp rdx
        nop
        4: dec ecx
        jnz 1b
        jmp 1b
        3: push rax
        pop rsi
        ret
    )");
    guest().boot(code);
    std::vector<CpuState> reference;
    constexpr std::uint64_t kLength = 200;
    for (std::uint64_t i = 0; i <= kLength; ++i) {
        reference.push_back(guest().state());
        guest().step(1);
    }
    for (std::uint64_t length = 0; length <= kLength; ++length) {
        guest().boot(code);
        EXPECT_EQ(run(length).kind, ExitKind::kBudget);
        ASSERT_EQ(guest().state(), reference[length]) << length;
    }
}

TEST_P(Budgets, ARepIterationIsAnInstruction) {
    guest().boot(CODE64("mov ecx, 5; mov edi, 0x50000; rep stosb; xor ecx, ecx; rep stosb; hlt"));
    for (std::uint64_t done = 0; done < 5; ++done) {
        guest().step(done == 0 ? 3 : 1);
        EXPECT_EQ(guest().gpr(kRcx), 4 - done);
        EXPECT_EQ(guest().gpr(kRdi), kData + 1 + done);
        EXPECT_EQ(guest().rip(), done == 4 ? kEntry + 12 : kEntry + 10);
    }
    guest().step(2);
    EXPECT_EQ(guest().rip(), kEntry + 16) << "with RCX = 0 it is one instruction";
}

TEST_P(Budgets, ARepeatedComparisonEndsWithItsCondition) {
    guest().boot(CODE64("mov ecx, 9; mov edi, 0x50000; mov al, 1; repne scasb; nop; hlt"));
    guest().host_put(kData + 3, std::uint8_t{1});
    guest().step(3 + 4);
    EXPECT_EQ(guest().gpr(kRcx), 5u);
    EXPECT_EQ(guest().rip(), kEntry + 14);
}

TEST_P(Budgets, WhatFaultsDoesNotCount) {
    guest().boot(CODE64("ud2; nop; hlt"));
    guest().load(CODE64("add qword ptr [rsp], 2; iretq"), 0x3000);
    guest().set_gate({.vector = 6, .handler = 0x3000});
    guest().step(1);  // the fault, and the handler's first instruction
    EXPECT_EQ(guest().rip(), 0x3005u);
    guest().step(1);
    EXPECT_EQ(guest().rip(), kEntry + 2);
}

TEST_P(Budgets, APageFaultInTheMiddleOfABlockDoesNotCount) {
    guest().boot(CODE64("nop; inc eax; mov [0x180000], eax; inc eax; nop; hlt"));
    guest().load(CODE64("add rsp, 8; add qword ptr [rsp], 7; iretq"), 0x3000);
    guest().set_gate({.vector = 14, .handler = 0x3000});
    guest().step(2 + 3 + 2);
    EXPECT_EQ(guest().gpr(kRax), 2u);
    EXPECT_EQ(guest().rip(), kEntry + 1 + 2 + 7 + 2 + 1);
}

TEST_P(Budgets, ARepeatedStoreThatFaultsCountsWhatItDid) {
    guest().boot(CODE64("mov ecx, 10; mov edi, 0x17FFFD; rep stosb; hlt"));
    guest().catch_everything();
    EXPECT_EQ(guest().run().kind, ExitKind::kStopped);
    EXPECT_EQ(retired(), 2u + 3 + 1) << "three stores and the handler's OUT";
    EXPECT_EQ(guest().gpr(kRcx), 7u);
}

TEST_P(Budgets, ASoftwareInterruptCountsUnlessItFaults) {
    guest().boot(CODE64("int 0x80; int 0x77; hlt"));
    guest().load(CODE64("iretq"), 0x3000);
    guest().load(CODE64("add rsp, 8; add qword ptr [rsp], 2; iretq"), 0x3100);
    guest().set_gate({.vector = 0x80, .handler = 0x3000});
    guest().set_gate({.vector = 13, .handler = 0x3100});  // 77h has no gate
    guest().step(1);
    EXPECT_EQ(guest().rip(), 0x3000u);
    guest().step(1);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    guest().step(1);
    EXPECT_EQ(guest().rip(), 0x3104u) << "INT 77h itself must not have been counted";
}

TEST_P(Budgets, HltCounts) {
    guest().boot(CODE64("nop; hlt"));
    EXPECT_EQ(guest().run().kind, ExitKind::kHalted);
    EXPECT_EQ(retired(), 2u);
}

TEST_P(Budgets, AHaltAtTheEndOfTheBudgetIsTheBudgets) {
    guest().boot(CODE64("hlt"));
    EXPECT_EQ(run(1).kind, ExitKind::kBudget);
    EXPECT_TRUE(guest().state().halted);
    EXPECT_EQ(run(1).kind, ExitKind::kHalted);
}

TEST_P(Budgets, TheDeliveryOfAnInterruptCountsNothing) {
    guest().boot(CODE64("nop; nop; hlt"));
    guest().load(CODE64("iretq"), 0x3000);
    guest().set_gate({.vector = 0x30, .handler = 0x3000});
    guest().change([](CpuState& state) { state.rflags |= 0x200; });
    guest().handler.request_interrupt(0x30);
    guest().step(2);  // IRETQ, NOP
    EXPECT_EQ(guest().rip(), kEntry + 1);
}

TEST_P(Budgets, TheCountContinuesWhereItIsSet) {
    guest().boot(CODE64("1: jmp 1b"));
    guest().counter->set_retired(1ull << 40);
    guest().step(70'000);
    EXPECT_EQ(retired(), (1ull << 40) + 70'000);
    guest().counter->set_retired(3);
    guest().step(1);
    EXPECT_EQ(retired(), 4u);
}

TEST_P(Budgets, SettingAStateLeavesTheCountAlone) {
    guest().boot(CODE64("1: jmp 1b"));
    guest().step(100);
    guest().enter(Mode::kReal);
    EXPECT_EQ(retired(), 100u);
}

TEST_P(Budgets, UnlimitedEndsByTheGuestOnly) {
    guest().boot(CODE64("mov ecx, 1000000; 1: dec ecx; jnz 1b; out 0xF4, al"));
    EXPECT_EQ(guest().vcpu->run({}).kind, ExitKind::kStopped);
    EXPECT_EQ(retired(), 2'000'002u);
}

TEST_P(Budgets, AHandlerSeesTheCountBeforeItsInstruction) {
    guest().boot(CODE64(R"(
        nop; in al, 0x60; nop; out 0x61, al
        mov edi, 0xFE000000; mov eax, [rdi]; mov [rdi], eax; add [rdi], eax
        rdtsc; out 0xF4, al
    )"));
    std::vector<std::uint64_t> counts;
    guest().handler.on_access = [&](const Access&) { counts.push_back(retired()); };
    guest().handler.clock = [&] {
        counts.push_back(retired());
        return std::uint64_t{0};
    };
    guest().finish();
    EXPECT_EQ(counts, (std::vector<std::uint64_t>{1, 3, 5, 6, 7, 7, 8}));
}

TEST_P(Budgets, AHandlerShortensTheBudget) {
    guest().boot(CODE64("nop; out 0x84, al; 1: nop; jmp 1b"));
    guest().handler.on_access = [&](const Access&) {
        guest().counter->set_budget_end(retired() + 6);
    };
    EXPECT_EQ(run(1'000'000).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 1u + 6);
}

TEST_P(Budgets, AHandlerLengthensTheBudget) {
    guest().boot(CODE64("nop; out 0x84, al; 1: nop; jmp 1b"));
    guest().handler.on_access = [&](const Access&) { guest().counter->set_budget_end(100'000); };
    EXPECT_EQ(run(5).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 100'000u);
}

TEST_P(Budgets, ABudgetThatIsOverEndsBehindTheInstruction) {
    for (const std::uint64_t end : {0u, 1u, 2u}) {
        Guest guest(backend());
        guest.boot(CODE64("nop; out 0x84, al; 1: nop; jmp 1b"));
        guest.handler.on_access = [&](const Access&) { guest.counter->set_budget_end(end); };
        EXPECT_EQ(guest.vcpu->run({.instructions = 1000}).kind, ExitKind::kBudget);
        EXPECT_EQ(guest.counter->retired(), 2u) << end;
    }
}

TEST_P(Budgets, AMemoryMappedAccessSetsTheEndToo) {
    // In the middle of a block, by a read, a write and a read-modify-write.
    for (const auto code : {CODE64("nop; mov eax, [rdi]; inc eax; 1: jmp 1b"),
                            CODE64("nop; mov [rdi], eax; inc eax; 1: jmp 1b"),
                            CODE64("nop; inc dword ptr [rdi]; inc eax; 1: jmp 1b")}) {
        Guest guest(backend());
        guest.boot(code);
        guest.set(kRdi, kDevice);
        guest.handler.on_access = [&](const Access&) { guest.counter->set_budget_end(3); };
        EXPECT_EQ(guest.vcpu->run({.instructions = 1000}).kind, ExitKind::kBudget);
        EXPECT_EQ(guest.counter->retired(), 3u);
    }
}

TEST_P(Budgets, ReadingTheTimeSetsTheEndToo) {
    guest().boot(CODE64("nop; rdtsc; nop; nop; 1: jmp 1b"));
    guest().handler.clock = [&] {
        guest().counter->set_budget_end(retired() + 2);
        return std::uint64_t{5};
    };
    EXPECT_EQ(run(1000).kind, ExitKind::kBudget);
    EXPECT_EQ(retired(), 3u);
    EXPECT_EQ(guest().rip(), kEntry + 4);
}

TEST_P(Budgets, RandomSlicesSumUp) {
    const auto code = CODE64("mov edi, 0x50000; 1: mov ecx, 7; rep stosb; sub edi, 7; jmp 1b");
    guest().boot(code);
    RandomStream random(Seed(4));
    std::uint64_t total = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t slice = random.below(40);
        guest().step(slice);
        total += slice;
    }
    EXPECT_EQ(retired(), total);
    Guest whole(backend());
    whole.boot(code);
    whole.step(total);
    EXPECT_EQ(guest().state(), whole.state());
}

class FiniteBudgets : public BackendTest {};
ON_EVERY_BACKEND(FiniteBudgets);

TEST_P(FiniteBudgets, AreRefusedWithoutACounter) {
    Guest guest(backend());
    ASSERT_EQ(guest.counter != nullptr, backend().create()->capabilities().instruction_count);
    guest.boot(CODE64("nop; hlt"));
    if (guest.counter == nullptr) {
        EXPECT_THROW(guest.vcpu->run({.instructions = 1}), BackendError);
    } else {
        EXPECT_EQ(guest.vcpu->run({.instructions = 1}).kind, ExitKind::kBudget);
    }
    EXPECT_EQ(guest.vcpu->run({}).kind, ExitKind::kHalted);
}

}  // namespace
}  // namespace hvlab::conformance
