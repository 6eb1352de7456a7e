// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/hypervisor/hypervisor.h"

#include <gtest/gtest.h>

#include <set>

namespace hvlab {
namespace {

class Power {
public:
    static constexpr std::string_view kName = "power";
    virtual ~Power() = default;
    virtual int value() const = 0;
};
class OtherPower {
public:
    static constexpr std::string_view kName = "other-power";
};

// Two bases, so that a wrong cast would hand out the wrong one.
class FakeVcpu final : public Vcpu, public InstructionCounter, public Power {
public:
    Exit run(Budget) override { return {}; }
    void kick() override {}
    void request_stop() override {}
    CpuState state() const override { return {}; }
    void set_state(const CpuState&) override {}
    void set_interrupt_line(bool) override {}
    void raise_nmi() override {}
    bool interrupt_window() const override { return false; }
    std::uint64_t retired() const override { return 5; }
    void set_retired(std::uint64_t) override {}
    void set_budget_end(std::uint64_t) override {}
    int value() const override { return 7; }

protected:
    void* find_capability(std::string_view name) override {
        if (name == InstructionCounter::kName) return static_cast<InstructionCounter*>(this);
        if (name == Power::kName) return static_cast<Power*>(this);
        return nullptr;
    }
};

TEST(Hypervisor, CapabilitiesAreFoundByNameOrNull) {
    FakeVcpu vcpu;
    ASSERT_NE(vcpu.capability<Power>(), nullptr);
    EXPECT_EQ(vcpu.capability<Power>()->value(), 7);
    EXPECT_EQ(vcpu.capability<InstructionCounter>()->retired(), 5u);
    EXPECT_EQ(vcpu.capability<OtherPower>(), nullptr);
}

TEST(Hypervisor, ExitKindsHaveDistinctNames) {
    std::set<std::string_view> names;
    for (int kind = 0; kind <= static_cast<int>(ExitKind::kInternal); ++kind) {
        names.insert(to_string(static_cast<ExitKind>(kind)));
    }
    EXPECT_EQ(names.size(), 8u);
    EXPECT_EQ(to_string(ExitKind::kTripleFault), "triple fault");
}

TEST(Hypervisor, BudgetIsUnlimitedByDefault) {
    EXPECT_TRUE(Budget{}.unlimited());
    EXPECT_FALSE(Budget{5}.unlimited());
}

}  // namespace
}  // namespace hvlab
