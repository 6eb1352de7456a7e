// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <span>

#include "core/boot/micro.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab::micro {

// Writes GDT, IDT, TSS and the shim where micro_layout.h has them, and returns a state in user mode
// that uses them: 64-bit code, interrupts off, SSE on, no ports without permission. RIP and the
// general registers are 0.
CpuState enter_user_mode(GuestMemory& memory,
                         const std::optional<std::vector<MicroImage::Ports>>& ports);

}  // namespace hvlab::micro
