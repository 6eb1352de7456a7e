// SPDX-License-Identifier: GPL-2.0-or-later
//
// Named CPU models: what CPUID tells the guest, the same on every backend.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hvlab {

struct CpuidResult {
    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
    std::uint32_t edx = 0;

    bool operator==(const CpuidResult&) const = default;
};

struct CpuidEntry {
    std::uint32_t leaf = 0;
    std::uint32_t subleaf = 0;
    bool subleaf_matters = false;
    CpuidResult result;
};

class CpuModel {
public:
    // The host's own processor, as far as a backend can show it and CpuState carries it: another
    // machine on every host. It has no entries here; the backend finds them, or refuses it.
    static constexpr std::string_view kHost = "host";

    // Throws ConfigError (field "cpu") for an unknown name, naming the known ones.
    static const CpuModel& named(std::string_view name);
    // Those that are the same on every backend.
    static std::vector<std::string> names();
    // A model that a backend has put together.
    static CpuModel made_of(std::string name, std::vector<CpuidEntry> entries,
                            unsigned physical_address_bits);

    const std::string& name() const { return name_; }
    bool is_host() const { return name_ == kHost; }
    std::span<const CpuidEntry> entries() const { return entries_; }

    // CPUID as the model defines it (Intel SDM vol. 2, CPUID). A leaf above the highest basic leaf
    // answers like the highest basic leaf, as on Intel; unknown subleaves are zero. State-dependent
    // bits (OSXSAVE) are the backend's to set.
    CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf) const;

    // A model-specific register that the model has though no CpuState carries it, because its value
    // never changes. A guest may write those that `msr_write_ignored` names; all others are #GP(0).
    std::optional<std::uint64_t> constant_msr(std::uint32_t index) const;
    bool msr_write_ignored(std::uint32_t index) const;

    unsigned physical_address_bits() const { return physical_address_bits_; }

private:
    friend struct CpuModelTable;

    std::string name_;
    std::vector<CpuidEntry> entries_;
    unsigned physical_address_bits_ = 40;
};

}  // namespace hvlab
