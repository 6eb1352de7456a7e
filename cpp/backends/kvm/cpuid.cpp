// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/cpuid.h"

#include <cpuid.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string>
#include <string_view>

namespace hvlab::kvm {
namespace {

struct FeatureWord {
    std::uint32_t leaf;
    std::uint32_t CpuidResult::*value;
    std::uint32_t kvm_cpuid_entry2::*raw;
    std::string_view name;
    std::uint32_t not_ours;  // bits that KVM does not report though it has them
};
constexpr std::uint32_t kHypervisor = 1u << 31;
constexpr FeatureWord kFeatureWords[] = {
    {1, &CpuidResult::ecx, &kvm_cpuid_entry2::ecx, "1:ECX", kHypervisor},
    {1, &CpuidResult::edx, &kvm_cpuid_entry2::edx, "1:EDX", 0},
    // FCS and FDS deprecated: a property, not a feature; hosts differ in it.
    {7, &CpuidResult::ebx, &kvm_cpuid_entry2::ebx, "7.0:EBX", 1u << 13},
    {7, &CpuidResult::ecx, &kvm_cpuid_entry2::ecx, "7.0:ECX", 0},
    {7, &CpuidResult::edx, &kvm_cpuid_entry2::edx, "7.0:EDX", 0},
    {0x80000001, &CpuidResult::ecx, &kvm_cpuid_entry2::ecx, "80000001:ECX", 0},
    {0x80000001, &CpuidResult::edx, &kvm_cpuid_entry2::edx, "80000001:EDX", 0},
};

std::uint32_t word_of(const CpuidTable& table, const FeatureWord& word) {
    for (std::uint32_t i = 0; i < table.count; ++i) {
        const kvm_cpuid_entry2& entry = table.entries[i];
        if (entry.function == word.leaf && entry.index == 0) return entry.*word.raw;
    }
    return 0;
}

using Words = std::array<std::uint32_t, std::size(kFeatureWords)>;

// In a guest CPUID is dear: asked once.
const Words& processors_words() {
    static const Words words = [] {
        Words found{};
        for (std::size_t i = 0; i < found.size(); ++i) {
            const FeatureWord& word = kFeatureWords[i];
            CpuidResult own;
            if (__get_cpuid_count(word.leaf, 0, &own.eax, &own.ebx, &own.ecx, &own.edx) != 0) {
                found[i] = own.*word.value;
            }
        }
        return found;
    }();
    return words;
}

}  // namespace

CpuidTable supported_cpuid(const Handle& device) {
    CpuidTable table;
    table.count = CpuidTable::kCapacity;
    device.call(kGetSupportedCpuid, &table,
                "ask for the CPUID that KVM supports (KVM_GET_SUPPORTED_CPUID)");
    return table;
}

void check_features(const CpuidTable& supported, Flavour flavour, const CpuModel& model) {
    std::string missing;
    for (std::size_t i = 0; i < std::size(kFeatureWords); ++i) {
        const FeatureWord& word = kFeatureWords[i];
        std::uint32_t given = word_of(supported, word) | word.not_ours;
        if (flavour == Flavour::kSoftware) given |= processors_words()[i];
        const std::uint32_t absent = model.cpuid(word.leaf, 0).*word.value & ~given;
        for (unsigned bit = 0; bit < 32; ++bit) {
            if ((absent >> bit & 1) == 0) continue;
            missing += fmt::format("{}CPUID.{}[{}]", missing.empty() ? "" : ", ", word.name, bit);
        }
    }
    if (!missing.empty()) {
        fail(fmt::format("create a VM with the CPU model {}", model.name()), 0,
             "this host does not have: " + missing);
    }
}

CpuidTable cpuid_table(const CpuModel& model, std::uint32_t tsc_khz) {
    if (model.entries().size() > CpuidTable::kCapacity) {
        fail(fmt::format("create a VM with the CPU model {}", model.name()), E2BIG);
    }
    CpuidTable table;
    for (const CpuidEntry& entry : model.entries()) {
        CpuidResult result = entry.result;
        if (tsc_khz != 0 && entry.leaf == 0x15) result = {.eax = 1, .ebx = 2, .ecx = tsc_khz * 500};
        if (tsc_khz != 0 && entry.leaf == 0x16) result.eax = result.ebx = tsc_khz / 1000;
        kvm_cpuid_entry2& raw = table.entries[table.count++];
        raw.function = entry.leaf;
        raw.index = entry.subleaf;
        raw.flags = entry.subleaf_matters ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
        raw.eax = result.eax;
        raw.ebx = result.ebx;
        raw.ecx = result.ecx;
        raw.edx = result.edx;
    }
    return table;
}

void show_local_apic(CpuidTable& table, std::uint32_t id) {
    constexpr std::uint32_t kApic = 1u << 9;
    for (std::uint32_t i = 0; i < table.count; ++i) {
        kvm_cpuid_entry2& entry = table.entries[i];
        if (entry.function != 1) continue;
        entry.edx |= kApic;
        entry.ebx |= id << 24;
    }
}

}  // namespace hvlab::kvm
