// SPDX-License-Identifier: GPL-2.0-or-later
//
// The named CPU model as KVM's CPUID.
#pragma once

#include <cstdint>

#include "backends/kvm/flavour.h"
#include "backends/kvm/kvm_api.h"
#include "backends/kvm/system_calls.h"
#include "core/cpu/cpu_model.h"

namespace hvlab::kvm {

CpuidTable supported_cpuid(const Handle& device);

// Throws BackendError naming the features of the model that this host cannot give. On the software
// flavour user-mode code runs on the processor itself, so that its own features count, too
// (docs/kvm.md).
void check_features(const CpuidTable& supported, Flavour flavour, const CpuModel& model);

// What KVM can give a guest. 0.3 ms: ask once.
CpuidTable supported_cpuid(const Handle& device);

// `tsc_khz`: the rate of the guest's time-stamp counter, told by leaves 15h and 16h; 0 for the
// model's own.
CpuidTable cpuid_table(const CpuModel& model, std::uint32_t tsc_khz);

// Shows the local APIC of that number, which the models hide.
void show_local_apic(CpuidTable& table, std::uint32_t id);

}  // namespace hvlab::kvm
