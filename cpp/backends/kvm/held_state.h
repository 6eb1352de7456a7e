// SPDX-License-Identifier: GPL-2.0-or-later
//
// A vCPU's state as the kernel holds it, and its exchange for another: all of it or nothing.
#pragma once

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/msrs.h"
#include "backends/kvm/system_calls.h"
#include "core/cpu/cpu_state.h"

namespace hvlab::kvm {

// The part that comes with each exit.
struct SyncedState {
    kvm_regs regs{};
    kvm_sregs sregs{};
    kvm_vcpu_events events{};
};

// Replaces `held`, which the kernel has, by `state`, and returns what it has then. Throws
// BackendError naming what the kernel refuses; the old state is in force then, or else `torn` is
// set: the kernel did not take that back either.
SyncedState exchange_state(const Handle& vcpu, MsrAccess& msrs, const SyncedState& held,
                           const CpuState& state, bool& torn);

}  // namespace hvlab::kvm
