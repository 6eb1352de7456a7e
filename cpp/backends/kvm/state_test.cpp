// SPDX-License-Identifier: GPL-2.0-or-later
//
// CpuState, MSRs and CPUID in the kernel's terms, as far as guests (tests/conformance) do not show
// it.
#include <gmock/gmock.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/kvm_state.h"
#include "backends/kvm/msrs.h"
#include "core/base/random.h"
#include "core/base/status.h"
#include "core/cpu/cpu_model.h"
#include "tests/conformance/support/random_state.h"

namespace hvlab::kvm {
namespace {

using testing::HasSubstr;

template <typename Call>
std::string refusal(Call&& call) {
    try {
        call();
    } catch (const BackendError& error) {
        return error.what();
    }
    return "accepted";
}

// ---- State

TEST(State, ComesBackFromTheKernelsStructs) {
    RandomStream random(Seed(5));
    for (int i = 0; i < 200; ++i) {
        CpuState state = conformance::random_state(reset_state(), random);
        state.cr8 = random.next() % 16;
        state.nmi_pending = random.next() % 2 != 0;
        state.shadow_sti = random.next() % 2 != 0;
        state.shadow_mov_ss = !state.shadow_sti;
        state.interrupt = {.pending = true, .vector = static_cast<std::uint8_t>(random.next())};
        check_representable(state);
        kvm_regs regs{};
        kvm_sregs sregs{};
        kvm_vcpu_events events{};
        kvm_debugregs debug{};
        XsaveArea extended;
        load(state, regs);
        load(state, sregs);
        load(state, events);
        load(state, debug);
        load(state, extended);
        CpuState back;
        store(regs, back);
        store(sregs, back);
        store(events, back);
        store(debug, back);
        store(extended, back);
        const std::uint64_t efer = back.msrs.efer;
        back.msrs = state.msrs;  // by KVM_GET_MSRS
        back.msrs.efer = efer;
        back.halted = state.halted;  // ours
        ASSERT_EQ(back, state) << i;
    }
}

TEST(State, WhatTheKernelLeavesOutIsInItsInitialState) {
    XsaveArea area;
    CpuState state;
    state.fpu.xmm[3] = {1, 2};
    state.fpu.fcw = 0x27F;
    load(state, area);
    const std::uint64_t nothing = 0;
    std::memcpy(area.bytes.data() + 512, &nothing, sizeof nothing);  // XSTATE_BV
    store(area, state);
    EXPECT_EQ(state.fpu, FpuState{});
}

TEST(State, AnIntNThatIsNotDeliveredYetIsExecutedAgain) {
    kvm_vcpu_events events{};
    events.interrupt.injected = 1;
    events.interrupt.nr = 0x21;
    events.interrupt.soft = 1;
    CpuState state;
    store(events, state);
    EXPECT_FALSE(state.interrupt.pending);
}

TEST(State, OneShadowWhereTheProcessorTellsBoth) {
    kvm_vcpu_events events{};
    events.interrupt.shadow = KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS;
    CpuState state;
    store(events, state);
    EXPECT_TRUE(state.shadow_sti);
    EXPECT_FALSE(state.shadow_mov_ss);
    check_representable(state);
}

TEST(State, AnNmiUnderDeliveryIsPending) {
    kvm_vcpu_events events{};
    events.nmi.injected = 1;
    CpuState state;
    store(events, state);
    EXPECT_TRUE(state.nmi_pending);
}

// ---- MSRs

class FewMsrs : public SystemCalls {
public:
    std::map<std::uint32_t, std::uint64_t> values = {{0x174, 1}, {0x277, 2}, {0xC0000082, 3}};
    std::uint32_t refused = 0;
    std::vector<std::uint32_t> written;

    int ioctl(int, unsigned long request, void* argument) override {
        auto& table = *static_cast<MsrTable*>(argument);
        for (std::uint32_t i = 0; i < table.count; ++i) {
            kvm_msr_entry& entry = table.entries[i];
            if (!values.contains(entry.index) || entry.index == refused) {
                return static_cast<int>(i);
            }
            if (request == kGetMsrs) {
                entry.data = values[entry.index];
            } else {
                values[entry.index] = entry.data;
                written.push_back(entry.index);
            }
        }
        return static_cast<int>(table.count);
    }
};

// What a process has found out stays: these have it to themselves.
class SomeMsrs : public testing::Test {
protected:
    FewMsrs kernel_;
    Handle vcpu_{kernel_, {}};
    std::vector<std::uint32_t> present_ = present_msrs(vcpu_);
    MsrAccess msrs_{present_};
};

TEST_F(SomeMsrs, OnlyThoseThatDifferAreWritten) {
    Msrs held = msrs_.get(vcpu_);
    EXPECT_EQ(held.lstar, 3u);
    Msrs wanted = held;
    wanted.lstar = 4;
    wanted.star = 5;  // the kernel lacks it
    msrs_.set(vcpu_, held, wanted);
    EXPECT_THAT(kernel_.written, testing::ElementsAre(0xC0000082));
    EXPECT_EQ(msrs_.get(vcpu_), wanted);
    kernel_.written.clear();
    msrs_.set(vcpu_, wanted, wanted);
    EXPECT_TRUE(kernel_.written.empty());
    msrs_.set_all(vcpu_, held);
    EXPECT_EQ(kernel_.written.size(), 3u);
    EXPECT_EQ(msrs_.get(vcpu_), held);
}

TEST_F(SomeMsrs, ARefusedOneIsNamed) {
    const Msrs held = msrs_.get(vcpu_);
    Msrs wanted = held;
    wanted.pat = 0x77;
    kernel_.refused = 0x277;
    EXPECT_THAT(refusal([&] { msrs_.set(vcpu_, held, wanted); }), HasSubstr("MSR 0x277=0x77"));
    EXPECT_THAT(refusal([&] { msrs_.get(vcpu_); }), HasSubstr("0x277"));
}

TEST_F(SomeMsrs, WhatTheKernelLacksIsKeptForTheGuest) {
    const auto written = msrs_.write(vcpu_, 0xC0000081, 7);
    ASSERT_TRUE(written);
    EXPECT_TRUE(written->done);
    const auto read = msrs_.read(vcpu_, 0xC0000081);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->done);
    EXPECT_EQ(read->value, 7u);
    EXPECT_EQ(msrs_.get(vcpu_).star, 7u);
    EXPECT_FALSE(msrs_.write(vcpu_, 0x1234, 7));
    EXPECT_FALSE(msrs_.read(vcpu_, 0x1234));
}

// ---- CPUID

const kvm_cpuid_entry2* find(const CpuidTable& table, std::uint32_t leaf) {
    for (std::uint32_t i = 0; i < table.count; ++i) {
        if (table.entries[i].function == leaf) return &table.entries[i];
    }
    return nullptr;
}

TEST(Cpuid, IsTheModels) {
    const CpuModel& model = CpuModel::named("x86-64-v2");
    const CpuidTable table = cpuid_table(model, 0);
    ASSERT_EQ(table.count, model.entries().size());
    for (std::uint32_t i = 0; i < table.count; ++i) {
        const CpuidEntry& entry = model.entries()[i];
        EXPECT_EQ(table.entries[i].function, entry.leaf);
        EXPECT_EQ(table.entries[i].index, entry.subleaf);
        EXPECT_EQ(table.entries[i].ebx, entry.result.ebx);
    }
}

TEST(Cpuid, TellsTheRateOfATscThatCannotBeSet) {
    const CpuidTable table = cpuid_table(CpuModel::named("x86-64-v2"), 2'100'000);
    if (const auto* entry = find(table, 0x15)) {
        EXPECT_EQ(std::uint64_t{entry->ecx} * entry->ebx / entry->eax, 2'100'000'000u);
    }
    if (const auto* entry = find(table, 0x16)) {
        EXPECT_EQ(entry->eax, 2100u);
    }
}

TEST(Cpuid, FeaturesThatTheHostLacksAreNamed) {
    const CpuModel& model = CpuModel::named("x86-64-v2");
    const std::string told = refusal([&] { check_features({}, Flavour::kVmx, model); });
    EXPECT_THAT(told, HasSubstr("CPUID.1:EDX[0]"));
    EXPECT_THAT(told, HasSubstr("CPUID.80000001:EDX[29]"));
    EXPECT_THAT(told, testing::Not(HasSubstr("1:ECX[31]"))) << "every hypervisor gives it";
    EXPECT_EQ(refusal([&] { check_features(cpuid_table(model, 0), Flavour::kVmx, model); }),
              "accepted");
}

TEST(Cpuid, LocalApicsAreShownWithTheirNumber) {
    CpuidTable table = cpuid_table(CpuModel::named("x86-64-v2"), 0);
    EXPECT_EQ(find(table, 1)->edx >> 9 & 1, 0u);
    show_local_apic(table, 3);
    EXPECT_EQ(find(table, 1)->edx >> 9 & 1, 1u);
    EXPECT_EQ(find(table, 1)->ebx >> 24, 3u);
}

}  // namespace
}  // namespace hvlab::kvm
