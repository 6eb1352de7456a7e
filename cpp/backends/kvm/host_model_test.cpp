// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/host_model.h"

#include <gtest/gtest.h>

#include <cstring>

#include "backends/kvm/kvm_api.h"
#include "core/cpu/cpuid_bits.h"

namespace hvlab::kvm {
namespace {

// A processor that has everything.
CpuidTable every_feature() {
    CpuidTable table;
    for (const std::uint32_t leaf :
         {0u, 1u, 6u, 7u, 0xDu, 0x40000001u, 0x80000000u, 0x80000001u, 0x80000008u, 0x8000001Fu}) {
        kvm_cpuid_entry2& entry = table.entries[table.count++];
        entry.function = leaf;
        entry.eax = entry.ebx = entry.ecx = entry.edx = ~0u;
    }
    return table;
}

class HostModel : public ::testing::Test {
protected:
    const CpuModel model_ = host_model(every_feature());
};

TEST_F(HostModel, HidesWhatNoStateCarries) {
    using namespace cpuid;
    const CpuidResult basic = model_.cpuid(1, 0);
    EXPECT_EQ(basic.ecx & (kXsave | kOsxsave | kAvx | kX2Apic | kTscDeadline | kVmx | kMonitor),
              0u);
    EXPECT_EQ(basic.edx & (kApic | kMce | kMca | kVme), 0u);
    EXPECT_EQ(basic.ebx >> 16, 0u) << "one processor, whose number is 0";
    constexpr std::uint32_t kAvx2 = 1u << 5, kSmep = 1u << 7, kFsgsbase = 1u << 0;
    EXPECT_EQ(model_.cpuid(7, 0).ebx & (kAvx2 | kSmep | kFsgsbase), 0u);
    EXPECT_EQ(model_.cpuid(0x80000001, 0).ecx & kSvm, 0u);
    for (const CpuidEntry& entry : model_.entries()) {
        EXPECT_NE(entry.leaf, 0xDu) << "XSAVE";
        EXPECT_NE(entry.leaf, 0x40000001u) << "paravirtual interfaces have MSRs";
    }
}

TEST_F(HostModel, ShowsTheRest) {
    using namespace cpuid;
    constexpr std::uint32_t kAes = 1u << 25, kBmi2 = 1u << 8;
    EXPECT_EQ(model_.cpuid(1, 0).ecx & (kSse42 | kPopcnt | kAes), kSse42 | kPopcnt | kAes);
    EXPECT_EQ(model_.cpuid(7, 0).ebx & kBmi2, kBmi2);
    EXPECT_NE(model_.cpuid(0x80000001, 0).edx & kLongMode, 0u);
    EXPECT_EQ(model_.physical_address_bits(), 0xFFu);
}

TEST_F(HostModel, LeavesBeyondItsHighestAnswerLikeTheHighest) {
    EXPECT_EQ(model_.cpuid(0, 0).eax, 0x16u);
    EXPECT_EQ(model_.cpuid(0x80000000, 0).eax, 0x80000008u);
}

}  // namespace
}  // namespace hvlab::kvm
