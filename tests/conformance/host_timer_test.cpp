// SPDX-License-Identifier: GPL-2.0-or-later
//
// HostTimer: runs that end by the host's clock. None comes back early; how late one is depends on
// the host's load, so only that it comes back is checked.
#include <chrono>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Timers : public GuestTest {
protected:
    void SetUp() override {
        GuestTest::SetUp();
        NEEDS(Feature::kHostTimer);
        timer_ = guest().vcpu->capability<HostTimer>();
        ASSERT_NE(timer_, nullptr);
    }
    HostTimer& timer() { return *timer_; }
    // Runs; a guest that does not come back in time is kicked.
    ExitKind run() { return guest().run().kind; }
    void expect_end_at(Clock::time_point end) {
        EXPECT_EQ(run(), ExitKind::kBudget);
        EXPECT_GE(Clock::now(), end);
    }
    void boot_loop(Mode mode = Mode::kLong) { guest().boot(CODE64("1: inc eax; jmp 1b"), mode); }

private:
    HostTimer* timer_ = nullptr;
};
ON_EVERY_BACKEND(Timers);

TEST_P(Timers, EndARun) {
    for (const Mode mode : {Mode::kLong, Mode::kUser64}) {
        boot_loop(mode);
        const Clock::time_point end = Clock::now() + milliseconds(5);
        timer().set_end(end);
        expect_end_at(end);
        EXPECT_NE(guest().gpr(kRax), 0u) << to_string(mode);
    }
}

TEST_P(Timers, InThePastNothingIsExecuted) {
    boot_loop();
    timer().set_end(Clock::now() - milliseconds(1));
    EXPECT_EQ(run(), ExitKind::kBudget);
    EXPECT_EQ(guest().gpr(kRax), 0u);
    EXPECT_EQ(guest().rip(), kEntry);
    timer().set_end(Clock::time_point{});
    EXPECT_EQ(run(), ExitKind::kBudget) << "the beginning of the clock";
    EXPECT_EQ(guest().gpr(kRax), 0u);
}

TEST_P(Timers, AreKeptOverRuns) {
    guest().boot(CODE64("inc eax; out 0xF4, al; 1: inc ebx; jmp 1b"));
    const Clock::time_point end = Clock::now() + milliseconds(50);
    timer().set_end(end);
    ExitKind first = run();
    if (first == ExitKind::kBudget) GTEST_SKIP() << "the host was busy for 50 ms";
    EXPECT_EQ(first, ExitKind::kStopped);
    expect_end_at(end);
    const std::uint64_t rounds = guest().gpr(kRbx);
    EXPECT_EQ(run(), ExitKind::kBudget) << "it has come, so it ends the next run, too";
    EXPECT_EQ(guest().gpr(kRbx), rounds);
}

TEST_P(Timers, AreTakenAway) {
    guest().boot(CODE64("mov ecx, 100; 1: dec ecx; jnz 1b; out 0xF4, al"));
    timer().set_end(Clock::now() - milliseconds(1));
    EXPECT_EQ(run(), ExitKind::kBudget);
    timer().set_end(std::nullopt);
    EXPECT_EQ(run(), ExitKind::kStopped);
}

TEST_P(Timers, AreTakenAwayByAHandler) {
    // The port access comes before the end, as a rule, and takes it away; the guest loops past it.
    guest().boot(CODE64("out 0x80, al; 1: in al, 0x60; test al, al; jz 1b; out 0xF4, al"));
    const Clock::time_point end = Clock::now() + milliseconds(20);
    timer().set_end(end);
    guest().handler.on_access = [&](const Access& access) {
        if (access.kind == Access::kPortWrite) timer().set_end(std::nullopt);
    };
    guest().handler.answer = [&](const Access&) {
        return std::uint64_t{Clock::now() > end + milliseconds(5)};
    };
    ExitKind kind = run();
    if (kind == ExitKind::kBudget && guest().handler.accesses.empty()) {
        GTEST_SKIP() << "the host was busy for 20 ms";
    }
    EXPECT_EQ(kind, ExitKind::kStopped);
}

TEST_P(Timers, AreSetByAHandler) {
    guest().boot(CODE64("out 0x80, al; 1: inc ebx; jmp 1b"));
    Clock::time_point end = Clock::now() + std::chrono::hours(1);
    timer().set_end(end);
    guest().handler.on_access = [&](const Access&) {
        end = Clock::now() + milliseconds(10);
        timer().set_end(end);
    };
    EXPECT_EQ(run(), ExitKind::kBudget);
    EXPECT_EQ(guest().handler.accesses.size(), 1u);
    EXPECT_GE(Clock::now(), end);
}

TEST_P(Timers, SetByAHandlerToNowEndBehindTheAccess) {
    guest().boot(CODE64("in al, 0x60; inc ebx; out 0xF4, al"));
    guest().handler.on_access = [&](const Access& access) {
        if (access.kind == Access::kPortRead) timer().set_end(Clock::now());
    };
    EXPECT_EQ(run(), ExitKind::kBudget);
    EXPECT_EQ(guest().rip(), kEntry + 2) << "the access has completed";
    EXPECT_EQ(guest().gpr(kRax), device_byte(0x60));
    EXPECT_EQ(guest().gpr(kRbx), 0u);
    timer().set_end(std::nullopt);
    EXPECT_EQ(run(), ExitKind::kStopped);
    EXPECT_EQ(guest().gpr(kRbx), 1u);
}

TEST_P(Timers, AHaltedVcpuComesBackAtOnce) {
    guest().boot(CODE64("hlt"));
    timer().set_end(Clock::now() + std::chrono::hours(1));
    EXPECT_EQ(run(), ExitKind::kHalted) << "waiting is the machine's";
    timer().set_end(Clock::now() - milliseconds(1));
    EXPECT_EQ(run(), ExitKind::kBudget);
    EXPECT_TRUE(guest().state().halted);
    timer().set_end(std::nullopt);
    EXPECT_EQ(run(), ExitKind::kHalted);
}

TEST_P(Timers, AKickComesFirst) {
    boot_loop();
    timer().set_end(Clock::now() - milliseconds(1));
    guest().vcpu->kick();
    EXPECT_EQ(run(), ExitKind::kKicked);
    EXPECT_EQ(run(), ExitKind::kBudget);
}

TEST_P(Timers, LeaveAConsistentState) {
    // EAX and EBX differ between the two INCs only, and ECX counts the rounds.
    guest().boot(CODE64("1: inc eax; inc ebx; inc ecx; jmp 1b"));
    for (int i = 0; i < 50; ++i) {
        timer().set_end(Clock::now() + std::chrono::microseconds(100));
        EXPECT_EQ(run(), ExitKind::kBudget);
        const CpuState state = guest().state();
        const auto past = [&](std::uint64_t instructions) {
            return state.rip >= kEntry + instructions * 2 ? 1u : 0u;
        };
        const std::uint64_t rounds = state.gpr[kRcx] - past(3);
        ASSERT_EQ(state.gpr[kRax], rounds + past(1));
        ASSERT_EQ(state.gpr[kRbx], rounds + past(2));
    }
}

TEST_P(Timers, OfTwoVcpusAreTheirOwn) {
    Guest other(backend());
    other.boot(CODE64("out 0xF4, al"));
    boot_loop();
    timer().set_end(Clock::now() - milliseconds(1));
    other.finish();
    EXPECT_EQ(run(), ExitKind::kBudget);
}

}  // namespace
}  // namespace hvlab::conformance
