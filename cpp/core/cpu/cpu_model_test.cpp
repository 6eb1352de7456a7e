// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_model.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/base/status.h"
#include "core/cpu/cpuid_bits.h"

namespace hvlab {
namespace {

using namespace cpuid;

std::string text_of(std::initializer_list<std::uint32_t> words) {
    std::string text;
    for (const std::uint32_t word : words) {
        text.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return text.c_str();  // up to the first NUL
}

TEST(CpuModel, UnknownNameNamesTheKnownOnes) {
    try {
        CpuModel::named("Haswell");
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_STREQ(error.what(),
                     "cpu: unknown model \"Haswell\"; known: x86-64-v2, host (kvm only)");
        EXPECT_EQ(error.field(), "cpu");
    }
}

TEST(CpuModel, TheHostsIsTheBackendsToFind) {
    EXPECT_TRUE(CpuModel::named("host").is_host());
    EXPECT_TRUE(CpuModel::named("host").entries().empty());
    EXPECT_FALSE(CpuModel::named("x86-64-v2").is_host());
    EXPECT_THAT(CpuModel::names(), ::testing::Not(::testing::Contains("host")));
}

class EveryModel : public ::testing::TestWithParam<std::string> {
protected:
    const CpuModel& model_ = CpuModel::named(GetParam());
};

std::string test_name(const ::testing::TestParamInfo<std::string>& model) {
    std::string name = model.param;
    std::ranges::replace(name, '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, ::testing::ValuesIn(CpuModel::names()), test_name);

TEST_P(EveryModel, EntriesAreWithinTheirRangesAndUnique) {
    const std::uint32_t highest_basic = model_.cpuid(0, 0).eax;
    const std::uint32_t highest_hypervisor = model_.cpuid(0x40000000, 0).eax;
    const std::uint32_t highest_extended = model_.cpuid(0x80000000, 0).eax;
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const CpuidEntry& entry : model_.entries()) {
        SCOPED_TRACE(entry.leaf);
        const std::uint32_t highest = entry.leaf >= 0x80000000   ? highest_extended
                                      : entry.leaf >= 0x40000000 ? highest_hypervisor
                                                                 : highest_basic;
        EXPECT_LE(entry.leaf, highest);
        EXPECT_TRUE(seen.emplace(entry.leaf, entry.subleaf).second);
        EXPECT_TRUE(entry.subleaf_matters || entry.subleaf == 0);
        EXPECT_EQ(model_.cpuid(entry.leaf, entry.subleaf), entry.result);
        if (!entry.subleaf_matters) {
            EXPECT_EQ(model_.cpuid(entry.leaf, 77), entry.result);
        }
    }
}

TEST_P(EveryModel, OutOfRangeLeavesAnswerLikeTheHighestBasicOne) {
    const CpuidResult highest = model_.cpuid(model_.cpuid(0, 0).eax, 0);
    for (const std::uint32_t leaf :
         {model_.cpuid(0, 0).eax + 1, 0x3FFFFFFFu, model_.cpuid(0x40000000, 0).eax + 1, 0x40000100u,
          0x7FFFFFFFu, model_.cpuid(0x80000000, 0).eax + 1, 0xC0000000u, 0xFFFFFFFFu}) {
        EXPECT_EQ(model_.cpuid(leaf, 0), highest) << std::hex << leaf;
    }
    EXPECT_EQ(model_.cpuid(3, 0), CpuidResult{});  // in range, not described
    EXPECT_EQ(model_.cpuid(4, 3), CpuidResult{});  // no more caches
    EXPECT_EQ(model_.cpuid(7, 1), CpuidResult{});
    EXPECT_EQ(model_.cpuid(0xB, 0), CpuidResult{});  // no APIC, no topology
    EXPECT_EQ(model_.cpuid(0xD, 0), CpuidResult{});  // no XSAVE
}

// What CpuState and the devices cannot carry must not be promised.
TEST_P(EveryModel, PromisesNothingThatIsNotBuilt) {
    const CpuidResult features = model_.cpuid(1, 0);
    EXPECT_EQ(features.ecx & (kMonitor | kVmx | kX2Apic | kTscDeadline | kXsave | kOsxsave | kAvx),
              0u);
    EXPECT_EQ(features.edx & (kApic | kMce | kMca | kVme | kHtt), 0u);
    EXPECT_EQ(model_.cpuid(0x80000001, 0).ecx & kSvm, 0u);
    EXPECT_EQ(model_.cpuid(5, 0), CpuidResult{});
    EXPECT_EQ(model_.cpuid(0xA, 0), CpuidResult{});
    EXPECT_EQ(features.ebx >> 24, 0u);  // APIC ID
}

// The psABI's x86-64-v2 and what a 64-bit Linux insists on.
TEST_P(EveryModel, HasTheBaseline) {
    const CpuidResult features = model_.cpuid(1, 0);
    const std::uint32_t ecx = kCmpxchg16b | kPopcnt | kSse3 | kSse41 | kSse42 | kSsse3;
    const std::uint32_t edx = kFpu | kTsc | kMsr | kPae | kCx8 | kPge | kCmov | kFxsr | kMmx |
                              kSse | kSse2 | kPse | kSep | kPat;
    EXPECT_EQ(features.ecx & ecx, ecx);
    EXPECT_EQ(features.edx & edx, edx);
    const CpuidResult extended = model_.cpuid(0x80000001, 0);
    EXPECT_EQ(extended.ecx & kLahf64, kLahf64);
    EXPECT_EQ(extended.edx & (kLongMode | kSyscall | kNx), kLongMode | kSyscall | kNx);
    EXPECT_EQ(features.ebx >> 8 & 0xFF, 8u);  // CLFLUSH of 64 bytes
}

TEST_P(EveryModel, FrequenciesAgree) {
    const CpuidResult tsc = model_.cpuid(0x15, 0);
    ASSERT_NE(tsc.eax, 0u);
    const std::uint64_t hertz = std::uint64_t{tsc.ecx} * tsc.ebx / tsc.eax;
    EXPECT_EQ(hertz, 1'000'000'000u);
    EXPECT_EQ(model_.cpuid(0x16, 0).eax * std::uint64_t{1'000'000}, hertz);
    EXPECT_NE(model_.cpuid(0x80000007, 0).edx & kInvariantTsc, 0u);
}

TEST_P(EveryModel, CachesAgree) {
    const auto size = [&](std::uint32_t subleaf) {
        const CpuidResult c = model_.cpuid(4, subleaf);
        return ((c.ebx >> 22) + 1) * ((c.ebx >> 12 & 0x3FF) + 1) * ((c.ebx & 0xFFF) + 1) *
               (c.ecx + 1);
    };
    EXPECT_EQ(size(0), 32u * 1024);
    EXPECT_EQ(size(1), 32u * 1024);
    EXPECT_EQ(size(2), (model_.cpuid(0x80000006, 0).ecx >> 16) * 1024);
    EXPECT_EQ(model_.cpuid(2, 0).eax & 0xFF, 1u);
}

TEST_P(EveryModel, NamesAndWidths) {
    const CpuidResult vendor = model_.cpuid(0, 0);
    EXPECT_EQ(text_of({vendor.ebx, vendor.edx, vendor.ecx, 0}), "GenuineIntel");
    std::string brand;
    for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
        const CpuidResult part = model_.cpuid(leaf, 0);
        brand += text_of({part.eax, part.ebx, part.ecx, part.edx, 0});
    }
    EXPECT_EQ(brand, "hvlab " + model_.name() + " virtual CPU");
    const CpuidResult hypervisor = model_.cpuid(0x40000000, 0);
    EXPECT_EQ(text_of({hypervisor.ebx, hypervisor.ecx, hypervisor.edx, 0}), "hvlab");
    EXPECT_NE(model_.cpuid(1, 0).ecx & kHypervisor, 0u);
    EXPECT_EQ(model_.cpuid(0x80000008, 0).eax & 0xFF, model_.physical_address_bits());
    EXPECT_EQ(model_.cpuid(0x80000008, 0).eax >> 8 & 0xFF, 48u);
    EXPECT_EQ(model_.physical_address_bits(), 40u);
}

// Snapshots and records rely on a model never changing under its name.
TEST(CpuModel, V2IsPinned) {
    const CpuModel& model = CpuModel::named("x86-64-v2");
    EXPECT_EQ(model.cpuid(1, 0), (CpuidResult{0x00030661, 0x00000800, 0xC0982201, 0x078BB97D}));
    EXPECT_EQ(model.cpuid(7, 0), (CpuidResult{0, 0x00042000, 0, 0}));
    EXPECT_EQ(model.cpuid(0x80000001, 0), (CpuidResult{0, 0, 1, 0x2C100800}));
    EXPECT_EQ(model.entries().size(), 18u);
}

TEST(CpuModel, RegistersWithoutStateAreConstants) {
    const CpuModel& model = CpuModel::named("x86-64-v2");
    EXPECT_EQ(model.constant_msr(0x8B), 0u);
    EXPECT_TRUE(model.msr_write_ignored(0x8B));
    EXPECT_EQ(model.constant_msr(0x17), 0u);
    EXPECT_FALSE(model.msr_write_ignored(0x17));
    EXPECT_EQ(model.constant_msr(0x1B), std::nullopt) << "no local APIC yet";
}

}  // namespace
}  // namespace hvlab
