// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which KVM this host has: what executes guest code under /dev/kvm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace hvlab::kvm {

enum class Flavour : std::uint8_t {
    kVmx,       // VT-x: every guest instruction runs on the processor
    kSvm,       // AMD-V: likewise
    kSoftware,  // no hardware virtualization: kernel-mode code is emulated, user-mode code native
};

std::string_view to_string(Flavour flavour);

struct HostKvm {
    Flavour flavour = Flavour::kSoftware;
    bool nested = false;  // this host is a guest itself
};

// By the kernel's modules under `sys` and the processor's CPUID. What has neither kvm_intel nor
// kvm_amd is software.
HostKvm host_kvm(const std::filesystem::path& sys = "/sys");

}  // namespace hvlab::kvm
