// SPDX-License-Identifier: GPL-2.0-or-later
//
// The proof that a run is the same however it is cut: into single steps, into slices of any size,
// with translations thrown away, with the whole state carried into a fresh engine. The guest is
// nasty.S.
#include <algorithm>
#include <map>

#include "backends/unicorn/test/test_vm.h"

namespace hvlab {
namespace {

constexpr std::uint64_t kLength = 100'000;
constexpr std::size_t kPoints = 400;

class Nasty : public testing::Test {
protected:
    static void SetUpTestSuite() {
        RandomStream random(Seed(11));
        while (reference_.size() < kPoints) reference_[1 + random.below(kLength)] = {};
        const auto vm = make();
        for (std::uint64_t count = 1; count <= kLength && !HasFatalFailure(); ++count) {
            vm->run_to(count);
            if (const auto point = reference_.find(count); point != reference_.end()) {
                point->second = vm->snapshot();
            }
        }
    }
    static void TearDownTestSuite() { reference_.clear(); }

    static std::unique_ptr<TestVm> make() {
        auto vm = std::make_unique<TestVm>();
        vm->load(read_guest(HVLAB_NASTY_GUEST));
        vm->enter_long_mode();
        return vm;
    }

    static void expect_equal(const TestVm& vm, std::uint64_t count) {
        const TestVm::Snapshot& expected = reference_.at(count);
        const TestVm::Snapshot found = vm.snapshot();
        EXPECT_EQ(found.state.rip, expected.state.rip) << "at " << count;
        EXPECT_EQ(found.state, expected.state) << "at " << count;
        EXPECT_EQ(found.memory, expected.memory) << "at " << count;
        EXPECT_EQ(found.accesses, expected.accesses) << "at " << count;
        EXPECT_EQ(found.log, expected.log) << "at " << count;
    }

    // In single steps, each point's state.
    static inline std::map<std::uint64_t, TestVm::Snapshot> reference_;
};

TEST_F(Nasty, DoesWhatItIsMeantTo) {
    const auto vm = make();
    vm->run_to(kLength);
    const char* const names[] = {"user rounds", "page faults", "interrupts", "NMIs",
                                 "debug traps", "undefined",   "skipped",    "software"};
    for (unsigned i = 0; i < std::size(names); ++i) {
        if (i == 3) continue;  // nobody raises one here
        EXPECT_GT(vm->ram.get<std::uint64_t>(0x44000 + i * 8), 50u) << names[i];
    }
    EXPECT_GT(vm->handler.accesses, 5000u);
}

TEST_F(Nasty, OneRunUpToEachPoint) {
    const auto vm = make();
    for (const auto& [count, expected] : reference_) {
        vm->run_to(count);
        expect_equal(*vm, count);
        if (HasFailure()) return;
    }
}

TEST_F(Nasty, FreshRunsToSomePoints) {
    std::size_t index = 0;
    for (const auto& [count, expected] : reference_) {
        if (index++ % 13 != 0) continue;
        const auto vm = make();
        vm->run_to(count);
        expect_equal(*vm, count);
        if (HasFailure()) return;
    }
}

TEST_F(Nasty, SlicesOfOneSize) {
    for (const std::uint64_t slice : {std::uint64_t{3}, std::uint64_t{7}, std::uint64_t{1000}}) {
        const auto vm = make();
        std::uint64_t at = 0;
        for (const auto& [count, expected] : reference_) {
            while (at < count) vm->run_to(at = std::min(at + slice, count));
            expect_equal(*vm, count);
            if (HasFailure()) return;
        }
    }
}

TEST_F(Nasty, RandomSlicesAndFlushes) {
    RandomStream random(Seed(5));
    const auto vm = make();
    std::uint64_t at = 0;
    for (const auto& [count, expected] : reference_) {
        while (at < count) {
            at = std::min(at + 1 + random.below(300), count);
            vm->run_to(at);
            if (random.below(4) == 0) vm->vcpu->capability<TranslationCache>()->flush();
        }
        expect_equal(*vm, count);
        if (HasFailure()) return;
    }
}

TEST_F(Nasty, CarriedIntoAFreshEngine) {
    RandomStream random(Seed(6));
    auto vm = make();
    for (const auto& [count, expected] : reference_) {
        vm->run_to(count);
        expect_equal(*vm, count);
        if (HasFailure()) return;
        if (random.below(3) == 0) {
            auto next = make();
            next->take_over(*vm);
            vm = std::move(next);
            expect_equal(*vm, count);
        }
    }
}

}  // namespace
}  // namespace hvlab
