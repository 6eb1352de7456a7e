// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/host_model.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "core/cpu/cpuid_bits.h"

namespace hvlab::kvm {
namespace {

using namespace cpuid;

// What of a leaf's registers is shown (Intel SDM vol. 2, CPUID; AMD APM vol. 3 appendix E).
// Features are listed one by one: a new one is hidden until somebody has looked at what state it
// has.
struct Shown {
    std::uint32_t leaf;
    std::optional<std::uint32_t> subleaf;  // nothing: all of them
    CpuidResult mask;
};
constexpr std::uint32_t kAll = ~0u;
constexpr std::uint32_t kPclmulqdq = bit(1);
constexpr std::uint32_t kMovbe = bit(22);
constexpr std::uint32_t kAes = bit(25);
constexpr std::uint32_t kBmi1 = bit(3), kBmi2 = bit(8), kErms = bit(9), kAdx = bit(19);
constexpr std::uint32_t kClflushopt = bit(23), kClwb = bit(24), kSha = bit(29);
constexpr std::uint32_t kRdpid = bit(22), kMovdiri = bit(27), kMovdir64b = bit(28);
constexpr std::uint32_t kFastShortRepMov = bit(4), kSerialize = bit(14);
constexpr std::uint32_t kLzcnt = bit(5), kSse4a = bit(6), kMisalignedSse = bit(7),
                        kPrefetchw = bit(8);
constexpr std::uint32_t kMmxExtensions = bit(22);
constexpr std::uint32_t kFeatures1Ecx = kSse3 | kPclmulqdq | kSsse3 | kCmpxchg16b | kSse41 |
                                        kSse42 | kMovbe | kPopcnt | kAes | kRdrand | kHypervisor;
constexpr std::uint32_t kFeatures1Edx = kFpu | kDe | kPse | kTsc | kMsr | kPae | kCx8 | kSep |
                                        kMtrr | kPge | kCmov | kPat | kPse36 | kClflush | kMmx |
                                        kFxsr | kSse | kSse2;
// The low half of 80000001:EDX repeats leaf 1's on AMD's.
constexpr std::uint32_t kRepeated = kFpu | kDe | kPse | kTsc | kMsr | kPae | kCx8 | kMtrr | kPge |
                                    kCmov | kPat | kPse36 | kMmx | kFxsr;
constexpr std::array kShown = {
    Shown{0, {}, {0, kAll, kAll, kAll}},
    // EBX: the size of CLFLUSH's line; one processor, number 0.
    Shown{1, {}, {kAll, 0xFF00, kFeatures1Ecx, kFeatures1Edx}},
    Shown{2, {}, {kAll, kAll, kAll, kAll}},
    Shown{4, {}, {0x3FFF, kAll, kAll, kAll}},  // without who shares a cache
    Shown{7,
          0,
          {0,
           kBmi1 | kBmi2 | kErms | kDeprecatesFpuSelectors | kRdseed | kAdx | kClflushopt | kClwb |
               kSha,
           kRdpid | kMovdiri | kMovdir64b, kFastShortRepMov | kSerialize}},
    Shown{0x80000000, {}, {0, kAll, kAll, kAll}},
    Shown{0x80000001,
          {},
          {kAll, 0, kLahf64 | kLzcnt | kSse4a | kMisalignedSse | kPrefetchw,
           kRepeated | kSyscall | kNx | kMmxExtensions | kPage1Gb | kRdtscp | kLongMode}},
    Shown{0x80000002, {}, {kAll, kAll, kAll, kAll}},
    Shown{0x80000003, {}, {kAll, kAll, kAll, kAll}},
    Shown{0x80000004, {}, {kAll, kAll, kAll, kAll}},
    Shown{0x80000005, {}, {kAll, kAll, kAll, kAll}},
    Shown{0x80000006, {}, {kAll, kAll, kAll, kAll}},
    Shown{0x80000007, {}, {0, 0, 0, kInvariantTsc}},
    Shown{0x80000008, {}, {0xFFFF, 0, 0, 0}},  // widths of addresses
};
constexpr std::uint32_t kHighestBasic = 0x16;
constexpr std::uint32_t kHighestExtended = 0x80000008;

CpuidResult masked(const kvm_cpuid_entry2& raw, const CpuidResult& mask) {
    return {.eax = raw.eax & mask.eax,
            .ebx = raw.ebx & mask.ebx,
            .ecx = raw.ecx & mask.ecx,
            .edx = raw.edx & mask.edx};
}

}  // namespace

CpuModel host_model(const CpuidTable& supported) {
    std::vector<CpuidEntry> entries;
    unsigned address_bits = 36;
    for (std::uint32_t i = 0; i < supported.count; ++i) {
        const kvm_cpuid_entry2& raw = supported.entries[i];
        const auto* const shown = std::ranges::find_if(kShown, [&](const Shown& each) {
            return each.leaf == raw.function && each.subleaf.value_or(raw.index) == raw.index;
        });
        if (shown == kShown.end()) continue;
        CpuidEntry entry{.leaf = raw.function,
                         .subleaf = raw.index,
                         .subleaf_matters = (raw.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0,
                         .result = masked(raw, shown->mask)};
        if (raw.function == 0) entry.result.eax = kHighestBasic;
        if (raw.function == 1) entry.result.ecx |= kHypervisor;
        if (raw.function == 0x80000000) entry.result.eax = kHighestExtended;
        if (raw.function == 0x80000008) address_bits = raw.eax & 0xFF;
        entries.push_back(entry);
    }
    // The rates, which the vCPU fills in (cpuid_table).
    entries.push_back({.leaf = 0x15, .result = {}});
    entries.push_back({.leaf = 0x16, .result = {}});
    return CpuModel::made_of(std::string(CpuModel::kHost), std::move(entries), address_bits);
}

}  // namespace hvlab::kvm
