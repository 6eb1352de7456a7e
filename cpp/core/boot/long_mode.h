// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/units.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// Where the tables for long mode go.
struct LongModeTables {
    GuestAddress gdt = 0;    // kLongModeGdtSize bytes
    GuestAddress pages = 0;  // page-aligned, kLongModePageTables bytes
};

inline constexpr std::uint64_t kLongModeGdtSize = 4 * 8;
inline constexpr std::uint64_t kLongModePageTables = 6 * kPageSize;

// Writes page tables that map the first 4 GiB to themselves (2 MiB pages) and the GDT of Linux's
// boot protocol (code 10h, data 18h), and returns a state in 64-bit mode that uses them: interrupts
// off, no IDT, MTRRs as firmware sets them. General registers and RIP are 0. The memory must hold
// the tables.
CpuState enter_long_mode(GuestMemory& memory, const LongModeTables& tables);

}  // namespace hvlab
