// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/flavour.h"

#include <cpuid.h>

#include <system_error>

#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

// CPUID.1:ECX[31], which a processor leaves clear and every hypervisor sets.
bool is_guest() {
    constexpr unsigned kHypervisor = 1u << 31;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kHypervisor) != 0;
}

}  // namespace

std::string_view to_string(Flavour flavour) {
    switch (flavour) {
        case Flavour::kVmx:
            return "VT-x";
        case Flavour::kSvm:
            return "SVM";
        case Flavour::kSoftware:
            return "software";
    }
    HVLAB_ASSERT(!"a flavour that does not exist");
    return {};
}

HostKvm host_kvm(const std::filesystem::path& sys) {
    const auto loaded = [&](const char* module) {
        std::error_code ignored;  // what cannot be looked at is not there
        return std::filesystem::exists(sys / "module" / module, ignored);
    };
    HostKvm host{.flavour = Flavour::kSoftware, .nested = is_guest()};
    // A software KVM beside an idle hardware module is what /dev/kvm is.
    if (loaded("kvm_pvm")) return host;
    if (loaded("kvm_intel")) host.flavour = Flavour::kVmx;
    if (loaded("kvm_amd")) host.flavour = Flavour::kSvm;
    return host;
}

}  // namespace hvlab::kvm
