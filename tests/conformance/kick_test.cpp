// SPDX-License-Identifier: GPL-2.0-or-later
//
// Vcpu::kick: from any thread, at any time, and never lost.
#include <atomic>
#include <thread>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class Kicks : public GuestTest {
protected:
    ExitKind run() { return guest().vcpu->run({}).kind; }
};
ON_EVERY_BACKEND(Kicks);

TEST_P(Kicks, BeforeTheRunEndsIt) {
    guest().boot(CODE64("inc eax; out 0xF4, al"));
    guest().vcpu->kick();
    EXPECT_EQ(run(), ExitKind::kKicked);
    EXPECT_EQ(run(), ExitKind::kStopped);
}

TEST_P(Kicks, SeveralAreAnsweredByOneReturn) {
    guest().boot(CODE64("inc eax; out 0xF4, al"));
    for (int i = 0; i < 5; ++i) guest().vcpu->kick();
    EXPECT_EQ(run(), ExitKind::kKicked);
    EXPECT_EQ(run(), ExitKind::kStopped);
}

TEST_P(Kicks, SurviveARunThatEndsOtherwise) {
    NEEDS(Feature::kInstructionCount);
    guest().boot(CODE64("1: jmp 1b"));
    guest().vcpu->kick();
    EXPECT_EQ(guest().vcpu->run({.instructions = 0}).kind, ExitKind::kBudget);
    EXPECT_EQ(run(), ExitKind::kKicked);
}

TEST_P(Kicks, FromAHandlerEndTheRunSoon) {
    guest().boot(CODE64("out 0x80, al; 1: inc eax; jmp 1b"));
    guest().handler.on_access = [&](const Access&) { guest().vcpu->kick(); };
    EXPECT_EQ(run(), ExitKind::kKicked);
    EXPECT_EQ(guest().handler.accesses.size(), 1u);
}

TEST_P(Kicks, TogetherWithAStopAreNotLost) {
    guest().boot(CODE64("out 0x80, al; 1: inc eax; jmp 1b"));
    guest().handler.on_access = [&](const Access&) {
        guest().vcpu->kick();
        guest().vcpu->request_stop();
    };
    const ExitKind first = run();
    EXPECT_TRUE(first == ExitKind::kStopped || first == ExitKind::kKicked) << to_string(first);
    if (first == ExitKind::kStopped) {
        EXPECT_EQ(run(), ExitKind::kKicked);
    }
}

TEST_P(Kicks, EndTheRunOfAHaltedVcpu) {
    guest().boot(CODE64("hlt"));
    EXPECT_EQ(run(), ExitKind::kHalted);
    guest().vcpu->kick();
    EXPECT_EQ(run(), ExitKind::kKicked);
    EXPECT_EQ(run(), ExitKind::kHalted);
    EXPECT_TRUE(guest().state().halted);
}

TEST_P(Kicks, FromAnotherThreadEndTheRun) {
    // The guest says by a port that it runs; then it loops for ever.
    guest().boot(CODE64("out 0x80, al; 1: inc eax; jmp 1b"));
    std::atomic<bool> running{false};
    guest().handler.on_access = [&](const Access&) { running.store(true); };
    std::thread kicker([&] {
        while (!running.load()) std::this_thread::yield();
        guest().vcpu->kick();
    });
    EXPECT_EQ(run(), ExitKind::kKicked);
    kicker.join();
}

TEST_P(Kicks, LeaveAConsistentState) {
    // EAX and EBX differ between the two INCs only, and ECX counts the rounds.
    guest().boot(CODE64("1: inc eax; inc ebx; inc ecx; jmp 1b"));
    for (int i = 0; i < 50; ++i) {
        std::thread kicker([&] { guest().vcpu->kick(); });
        EXPECT_EQ(run(), ExitKind::kKicked);
        kicker.join();
        const CpuState state = guest().state();
        const auto past = [&](std::uint64_t instructions) {
            return state.rip >= kEntry + instructions * 2 ? 1u : 0u;
        };
        const std::uint64_t rounds = state.gpr[kRcx] - past(3);
        ASSERT_EQ(state.gpr[kRax], rounds + past(1));
        ASSERT_EQ(state.gpr[kRbx], rounds + past(2));
    }
}

void expect_every_kick_answered(Guest& guest, std::span<const std::byte> code, int kicks) {
    // Each kick waits for its answer, so that a lost one hangs the test.
    guest.boot(code);
    std::atomic<int> answered{0};
    std::thread storm([&] {
        for (int i = 0; i < kicks; ++i) {
            guest.vcpu->kick();
            while (answered.load() <= i) std::this_thread::yield();
        }
    });
    for (int i = 0; i < kicks; ++i) {
        EXPECT_EQ(guest.vcpu->run({}).kind, ExitKind::kKicked);
        answered.fetch_add(1);
    }
    storm.join();
}

TEST_P(Kicks, NoneIsLostInShortBlocks) {
    expect_every_kick_answered(guest(), CODE64("1: inc eax; jmp 2f; 2: jmp 1b"), 300);
}

TEST_P(Kicks, NoneIsLostInAStringInstruction) {
    expect_every_kick_answered(
        guest(), CODE64("1: mov edi, 0x50000; mov ecx, 0x8000; rep stosb; jmp 1b"), 100);
}

TEST_P(Kicks, NoneIsLostAmongPortAccesses) {
    expect_every_kick_answered(guest(), CODE64("1: in al, 0x60; inc ebx; jmp 1b"), 100);
}

}  // namespace
}  // namespace hvlab::conformance
