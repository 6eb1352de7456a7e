// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/status.h"
#include "core/cpu/cpuid_bits.h"

namespace hvlab {
namespace {

using namespace cpuid;

constexpr std::uint32_t kHypervisorBase = 0x40000000;
constexpr std::uint32_t kExtendedBase = 0x80000000;

std::uint32_t four_bytes(std::string_view text, std::size_t at) {
    std::array<char, 4> bytes{};
    if (at < text.size()) text.copy(bytes.data(), bytes.size(), at);
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
}

// Leaf 4 describes a cache that nobody shares by these numbers; its size is their product.
CpuidResult cache(unsigned type, unsigned level, unsigned ways, unsigned sets) {
    constexpr unsigned kLine = 64;
    constexpr unsigned kSelfInitializing = 1u << 8;
    return {.eax = type | level << 5 | kSelfInitializing,
            .ebx = (kLine - 1) | (ways - 1) << 22,
            .ecx = sets - 1,
            .edx = 0};
}

void put_basic_leaves(std::vector<CpuidEntry>& entries) {
    constexpr std::string_view kVendor = "GenuineIntel";
    entries.push_back({.leaf = 0,
                       .result = {.eax = 0x16,
                                  .ebx = four_bytes(kVendor, 0),
                                  .ecx = four_bytes(kVendor, 8),
                                  .edx = four_bytes(kVendor, 4)}});
    // Family 6, model 36h, stepping 1: an Atom that executes in order. Systems know that it does
    // not speculate, so they leave out page-table isolation, retpolines and buffer clearing: right
    // for an interpreter, and the guest runs the code that a test is about. No APIC, MCE, MCA,
    // XSAVE, MONITOR: CpuState does not carry what they would need.
    entries.push_back(
        {.leaf = 1,
         .result = {.eax = 0x00030661,
                    .ebx = (64 / 8) << 8,  // CLFLUSH line size in quadwords; APIC ID 0
                    .ecx = kSse3 | kSsse3 | kCmpxchg16b | kSse41 | kSse42 | kPopcnt | kRdrand |
                           kHypervisor,
                    .edx = kFpu | kDe | kPse | kTsc | kMsr | kPae | kCx8 | kSep | kMtrr | kPge |
                           kCmov | kPat | kPse36 | kClflush | kMmx | kFxsr | kSse | kSse2}});
    // "Ask leaf 4 about caches", and nothing about TLBs.
    entries.push_back({.leaf = 2, .result = {.eax = 0x0000FF01}});
    constexpr unsigned kData = 1;
    constexpr unsigned kInstruction = 2;
    constexpr unsigned kUnified = 3;
    const std::array caches{cache(kData, 1, 8, 64), cache(kInstruction, 1, 8, 64),
                            cache(kUnified, 2, 16, 2048)};
    for (std::uint32_t i = 0; i < caches.size(); ++i) {
        entries.push_back({.leaf = 4, .subleaf = i, .subleaf_matters = true, .result = caches[i]});
    }
    entries.push_back({.leaf = 7,
                       .subleaf = 0,
                       .subleaf_matters = true,
                       .result = {.ebx = kRdseed | kDeprecatesFpuSelectors}});
    // TSC = crystal * EBX / EAX = 1 GHz, one tick a nanosecond of guest time: a system that reads
    // this need not calibrate. Leaf 16h: base, maximum and bus frequency in MHz.
    entries.push_back({.leaf = 0x15, .result = {.eax = 1, .ebx = 40, .ecx = 25'000'000}});
    entries.push_back({.leaf = 0x16, .result = {.eax = 1000, .ebx = 1000, .ecx = 100}});
}

// No paravirtual interface: a signature of our own, and no leaf beyond it.
void put_hypervisor_leaf(std::vector<CpuidEntry>& entries) {
    constexpr std::string_view kSignature = "hvlab";
    entries.push_back({.leaf = kHypervisorBase,
                       .result = {.eax = kHypervisorBase,
                                  .ebx = four_bytes(kSignature, 0),
                                  .ecx = four_bytes(kSignature, 4),
                                  .edx = four_bytes(kSignature, 8)}});
}

void put_extended_leaves(std::vector<CpuidEntry>& entries, std::string_view brand,
                         unsigned physical_address_bits) {
    entries.push_back({.leaf = kExtendedBase, .result = {.eax = kExtendedBase + 8}});
    entries.push_back(
        {.leaf = kExtendedBase + 1,
         .result = {.ecx = kLahf64, .edx = kSyscall | kNx | kPage1Gb | kRdtscp | kLongMode}});
    for (std::uint32_t i = 0; i < 3; ++i) {
        const std::size_t at = i * 16;
        entries.push_back({.leaf = kExtendedBase + 2 + i,
                           .result = {.eax = four_bytes(brand, at),
                                      .ebx = four_bytes(brand, at + 4),
                                      .ecx = four_bytes(brand, at + 8),
                                      .edx = four_bytes(brand, at + 12)}});
    }
    // Second-level cache: size in KiB, 16 ways (code 8), line size.
    entries.push_back({.leaf = kExtendedBase + 6, .result = {.ecx = 2048u << 16 | 8u << 12 | 64}});
    entries.push_back({.leaf = kExtendedBase + 7, .result = {.edx = kInvariantTsc}});
    constexpr unsigned kVirtualAddressBits = 48;
    entries.push_back({.leaf = kExtendedBase + 8,
                       .result = {.eax = physical_address_bits | kVirtualAddressBits << 8}});
}

}  // namespace

struct CpuModelTable {
    std::vector<CpuModel> models;
    CpuModel host;

    CpuModelTable() {
        CpuModel model;
        model.name_ = "x86-64-v2";
        put_basic_leaves(model.entries_);
        put_hypervisor_leaf(model.entries_);
        put_extended_leaves(model.entries_, "hvlab x86-64-v2 virtual CPU",
                            model.physical_address_bits_);
        models.push_back(std::move(model));
        host.name_ = CpuModel::kHost;
    }

    static const CpuModelTable& instance() {
        static const CpuModelTable table;
        return table;
    }
};

const CpuModel& CpuModel::named(std::string_view name) {
    if (name == kHost) return CpuModelTable::instance().host;
    for (const CpuModel& model : CpuModelTable::instance().models) {
        if (model.name() == name) return model;
    }
    throw ConfigError("cpu", fmt::format("unknown model {:?}; known: {}, {} (kvm only)", name,
                                         fmt::join(names(), ", "), kHost));
}

CpuModel CpuModel::made_of(std::string name, std::vector<CpuidEntry> entries,
                           unsigned physical_address_bits) {
    CpuModel model;
    model.name_ = std::move(name);
    model.entries_ = std::move(entries);
    model.physical_address_bits_ = physical_address_bits;
    return model;
}

std::vector<std::string> CpuModel::names() {
    std::vector<std::string> all;
    for (const CpuModel& model : CpuModelTable::instance().models) all.push_back(model.name());
    return all;
}

CpuidResult CpuModel::cpuid(std::uint32_t leaf, std::uint32_t subleaf) const {
    const auto find = [this](std::uint32_t wanted, std::uint32_t wanted_subleaf) {
        const auto entry = std::ranges::find_if(entries_, [&](const CpuidEntry& each) {
            return each.leaf == wanted && (!each.subleaf_matters || each.subleaf == wanted_subleaf);
        });
        return entry == entries_.end() ? CpuidResult{} : entry->result;
    };
    // EAX of a range's first leaf is the highest leaf of that range.
    const std::uint32_t highest_basic = find(0, 0).eax;
    const std::uint32_t range = leaf >= kExtendedBase     ? kExtendedBase
                                : leaf >= kHypervisorBase ? kHypervisorBase
                                                          : 0;
    if (leaf > find(range, 0).eax) leaf = highest_basic;
    return find(leaf, subleaf);
}

namespace {

// Intel SDM vol. 4 table 2-2.
constexpr std::uint32_t kPlatformId = 0x17;
constexpr std::uint32_t kBiosSignatureId =
    0x8B;  // microcode revision; a guest writes 0 before it reads

}  // namespace

std::optional<std::uint64_t> CpuModel::constant_msr(std::uint32_t index) const {
    if (index == kPlatformId || index == kBiosSignatureId) return 0;
    return std::nullopt;
}

bool CpuModel::msr_write_ignored(std::uint32_t index) const {
    return index == kBiosSignatureId;
}

}  // namespace hvlab
