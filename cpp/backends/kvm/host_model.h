// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "backends/kvm/kvm_api.h"
#include "core/cpu/cpu_model.h"

namespace hvlab::kvm {

// CpuModel::kHost: what KVM_GET_SUPPORTED_CPUID lists, without what a CpuState does not carry:
// XSAVE and what needs it (AVX), local APICs, machine checks, the features that come with a bit of
// CR4, and MSRs of their own (speculation control, performance counters, virtualization).
CpuModel host_model(const CpuidTable& supported);

}  // namespace hvlab::kvm
