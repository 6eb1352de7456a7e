// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

inline constexpr std::uint64_t kProtectedModeGdtSize = 4 * 8;

// Writes a GDT of flat 4 GiB segments (code 10h, data 18h) and returns a state in 32-bit protected
// mode that uses it: no paging, interrupts off, no IDT, MTRRs as firmware sets them, TR a 32-bit
// TSS of 68h bytes at 0 that is in no table. General registers and EIP are 0. The memory must hold
// the GDT.
CpuState enter_protected_mode(GuestMemory& memory, GuestAddress gdt);

}  // namespace hvlab
