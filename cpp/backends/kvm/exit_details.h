// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/memory_slots.h"
#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {

// Why KVM gave a vCPU up, in a sentence: the exit, what the kernel adds to it, and where the guest
// was.
std::string describe(const kvm_run& run);

// The guest-physical address of an instruction that cannot be emulated because it, or its next
// byte, is where no memory is.
std::optional<GuestAddress> fetched_from_nowhere(const kvm_run& run, const Handle& vcpu,
                                                 const MemorySlots& slots);

}  // namespace hvlab::kvm
