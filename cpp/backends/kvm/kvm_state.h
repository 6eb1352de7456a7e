// SPDX-License-Identifier: GPL-2.0-or-later
//
// CpuState in the kernel's structs, and back. What goes by KVM_GET_MSRS is in msrs.h.
#pragma once

#include <array>
#include <cstddef>

#include "backends/kvm/kvm_api.h"
#include "core/cpu/cpu_state.h"

namespace hvlab::kvm {

// Throws BackendError naming what no KVM can represent.
void check_representable(const CpuState& state);

void load(const CpuState& state, kvm_regs& regs);
void store(const kvm_regs& regs, CpuState& state);

// What CpuState does not carry (the APIC's base) is left as it is.
void load(const CpuState& state, kvm_sregs& sregs);
void store(const kvm_sregs& sregs, CpuState& state);

void load(const CpuState& state, kvm_vcpu_events& events);
void store(const kvm_vcpu_events& events, CpuState& state);

void load(const CpuState& state, kvm_debugregs& debug);
void store(const kvm_debugregs& debug, CpuState& state);

// The XSAVE area in its standard form; x87 and SSE lie in its first 512 bytes (Intel SDM vol. 1
// s. 13.4.1).
void load(const CpuState& state, XsaveArea& area);
void store(const XsaveArea& area, CpuState& state);

}  // namespace hvlab::kvm
