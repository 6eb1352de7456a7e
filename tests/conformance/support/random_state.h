// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/random.h"
#include "core/cpu/cpu_state.h"

namespace hvlab::conformance {

// A state of the same mode as `base` that a processor may be in, everything else drawn.
CpuState random_state(const CpuState& base, RandomStream& random);

}  // namespace hvlab::conformance
