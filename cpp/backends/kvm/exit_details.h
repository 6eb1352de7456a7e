// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "backends/kvm/kvm_api.h"

namespace hvlab::kvm {

// Why KVM gave a vCPU up, in a sentence: the exit, what the kernel adds to it, and where the guest
// was.
std::string describe(const kvm_run& run);

}  // namespace hvlab::kvm
