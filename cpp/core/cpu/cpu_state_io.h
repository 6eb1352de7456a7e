// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/state_io.h"
#include "core/cpu/cpu_state.h"

namespace hvlab {

// Every field of a CpuState, in the order of its declaration.
void save_cpu_state(StateWriter& writer, const CpuState& state);
// Throws StateError for what no CPU can be in (a segment type beyond four bits, and the like).
CpuState load_cpu_state(StateReader& reader);

}  // namespace hvlab
