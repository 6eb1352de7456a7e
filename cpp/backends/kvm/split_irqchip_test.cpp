// SPDX-License-Identifier: GPL-2.0-or-later
//
// KvmOptions::Irqchip::kSplit: local APICs in the kernel, the 8259s and all else still here.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "backends/kvm/kvm_backend.h"
#include "tests/conformance/backends/backends.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using Clock = std::chrono::steady_clock;
using conformance::kEntry;
using std::chrono::milliseconds;

constexpr std::uint8_t kVector = 0x30;

class SplitIrqchip : public testing::Test {
protected:
    void SetUp() override {
        conformance::TestedBackend backend = conformance::kvm_backend();
        backend.create = [] {
            return std::make_unique<KvmBackend>(KvmOptions{.irqchip = KvmOptions::Irqchip::kSplit});
        };
        try {
            backend.create();
        } catch (const BackendUnavailable& error) {
            GTEST_SKIP() << error.what();
        }
        guest_.emplace(backend);
    }
    conformance::Guest& guest() { return *guest_; }
    HostTimer& timer() { return *guest().vcpu->capability<HostTimer>(); }
    void boot(std::span<const std::byte> code) {
        guest().boot(code);
        guest().catch_everything();
    }
    // However long the host takes to come to it.
    void run_into_hlt() {
        for (int i = 0; i < 1000 && !guest().state().halted; ++i) {
            timer().set_end(Clock::now() + milliseconds(2));
            ASSERT_EQ(guest().run().kind, ExitKind::kBudget);
        }
        ASSERT_TRUE(guest().state().halted);
        timer().set_end(std::nullopt);
    }
    void expect_vector(unsigned vector) {
        guest().finish();
        ASSERT_TRUE(guest().caught());
        EXPECT_EQ(guest().caught()->vector, vector);
    }

private:
    std::optional<conformance::Guest> guest_;
};

TEST_F(SplitIrqchip, AGuestRuns) {
    boot(CODE64("mov ecx, 100; 1: inc eax; loop 1b; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRax), 100u);
}

TEST_F(SplitIrqchip, CpuidShowsTheLocalApicAndItIsThere) {
    // Its version register, which no handler answers.
    boot(CODE64("mov eax, 1; cpuid; mov edi, 0xFEE00030; mov esi, [rdi]; out 0xF4, al"));
    guest().finish();
    EXPECT_NE(guest().gpr(kRdx) & 1 << 9, 0u);
    EXPECT_EQ(guest().gpr(kRbx) >> 24 & 0xFF, 0u) << "its number";
    EXPECT_NE(guest().gpr(kRsi) & 0xFF, 0u);
    EXPECT_TRUE(guest().handler.accesses.empty());
}

TEST_F(SplitIrqchip, HltBlocksUntilTheTimer) {
    boot(CODE64("sti; hlt; inc ebx; out 0xF4, al"));
    run_into_hlt();
    const Clock::time_point end = Clock::now() + milliseconds(10);
    timer().set_end(end);
    EXPECT_EQ(guest().run().kind, ExitKind::kBudget);
    EXPECT_GE(Clock::now(), end);
    EXPECT_EQ(guest().rip(), kEntry + 2);
    EXPECT_EQ(guest().gpr(kRbx), 0u);
    EXPECT_TRUE(guest().state().halted);
    timer().set_end(Clock::now() + milliseconds(10));
    EXPECT_EQ(guest().run().kind, ExitKind::kBudget) << "nothing has woken it";
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

TEST_F(SplitIrqchip, HltBlocksUntilAKick) {
    boot(CODE64("out 0x80, al; hlt; inc ebx; out 0xF4, al"));
    std::atomic<bool> running{false};
    guest().handler.on_access = [&](const conformance::Access&) { running.store(true); };
    std::thread kicker([&] {
        while (!running.load()) std::this_thread::yield();
        guest().vcpu->kick();
    });
    EXPECT_EQ(guest().run().kind, ExitKind::kKicked);
    kicker.join();
    EXPECT_EQ(guest().gpr(kRbx), 0u);
}

TEST_F(SplitIrqchip, AnInterruptOfThe8259IsDelivered) {
    boot(CODE64("out 0x80, al; nop; out 0xF4, al"));
    guest().change([](CpuState& state) { state.rflags |= 0x200; });
    guest().handler.on_access = [&](const conformance::Access&) {
        guest().handler.request_interrupt(kVector);
    };
    expect_vector(kVector);
    EXPECT_EQ(guest().caught()->rip, kEntry + 2);
    EXPECT_EQ(guest().handler.acknowledged, 1u);
}

TEST_F(SplitIrqchip, AnInterruptWakesAHaltedVcpu) {
    boot(CODE64("sti; hlt; inc ebx; out 0xF4, al"));
    run_into_hlt();
    guest().handler.request_interrupt(kVector);
    expect_vector(kVector);
    EXPECT_EQ(guest().caught()->rip, kEntry + 2);
    EXPECT_FALSE(guest().state().halted);
}

TEST_F(SplitIrqchip, AnNmiWakesAHaltedVcpu) {
    boot(CODE64("hlt; inc ebx; out 0xF4, al"));
    run_into_hlt();
    guest().vcpu->raise_nmi();
    expect_vector(2);
    EXPECT_EQ(guest().caught()->rip, kEntry + 1);
}

TEST_F(SplitIrqchip, AHaltedStateIsSetAndHoldsTheVcpu) {
    boot(CODE64("inc ebx; out 0xF4, al"));
    guest().change([](CpuState& state) { state.halted = true; });
    EXPECT_TRUE(guest().state().halted);
    timer().set_end(Clock::now() + milliseconds(5));
    EXPECT_EQ(guest().run().kind, ExitKind::kBudget);
    EXPECT_EQ(guest().gpr(kRbx), 0u);
    guest().change([](CpuState& state) { state.halted = false; });
    timer().set_end(std::nullopt);
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 1u);
}

}  // namespace
}  // namespace hvlab
