// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_backend.h"

#include <fmt/format.h>

#include "backends/unicorn/unicorn_vm.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

struct FeatureWord {
    std::uint32_t leaf;
    unsigned reg;  // 0-3: EAX-EDX
    std::uint32_t CpuidResult::*value;
    std::string_view name;
};

constexpr FeatureWord kFeatureWords[] = {
    {1, 2, &CpuidResult::ecx, "1:ECX"},
    {1, 3, &CpuidResult::edx, "1:EDX"},
    {7, 1, &CpuidResult::ebx, "7.0:EBX"},
    {7, 2, &CpuidResult::ecx, "7.0:ECX"},
    {7, 3, &CpuidResult::edx, "7.0:EDX"},
    {0x80000001, 2, &CpuidResult::ecx, "80000001:ECX"},
    {0x80000001, 3, &CpuidResult::edx, "80000001:EDX"},
};

void check_features(const CpuModel& model) {
    std::string missing;
    for (const FeatureWord& word : kFeatureWords) {
        const std::uint32_t wanted = model.cpuid(word.leaf, 0).*word.value;
        const std::uint32_t absent = wanted & ~vmm_supported_features(word.leaf, word.reg);
        for (unsigned bit = 0; bit < 32; ++bit) {
            if ((absent >> bit & 1) != 0) {
                missing +=
                    fmt::format("{}CPUID.{}[{}]", missing.empty() ? "" : ", ", word.name, bit);
            }
        }
    }
    if (!missing.empty()) {
        throw BackendError(std::string(UnicornBackend::kName),
                           fmt::format("create a VM with the CPU model {}", model.name()), 0,
                           "not supported: " + missing);
    }
}

}  // namespace

Capabilities UnicornBackend::capabilities() const {
    return {.deterministic = true, .instruction_count = true, .max_vcpus = 1};
}

std::unique_ptr<Vm> UnicornBackend::create_vm(const CpuModel& model) {
    if (model.is_host()) {
        throw BackendError(std::string(kName), "create a VM with the CPU model host", 0,
                           "the engine has models of its own, whatever the host is");
    }
    check_features(model);
    return std::make_unique<UnicornVm>(model);
}

}  // namespace hvlab
