// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "backends/unicorn/engine/vmm.h"
#include "core/cpu/cpu_state.h"

namespace hvlab {

CpuState from_engine(const vmm_state& raw);

// Throws BackendError naming what the engine cannot represent.
vmm_state to_engine(const CpuState& state);

}  // namespace hvlab
