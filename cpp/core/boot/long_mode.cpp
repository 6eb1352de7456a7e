// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/long_mode.h"

#include <array>

#include "core/base/status.h"
#include "core/boot/mtrr.h"

namespace hvlab {
namespace {

// Page-table entries (Intel SDM vol. 3 s. 4.5): present, writable, and 2 MiB page.
constexpr std::uint64_t kTable = 0x03;
constexpr std::uint64_t kLargePage = 0x83;
constexpr std::uint64_t kLargePageSize = 2 * kMiB;
constexpr std::uint64_t kEntries = 512;
using Table = std::array<std::uint64_t, kEntries>;

constexpr std::uint16_t kCodeSelector = 0x10;
constexpr std::uint16_t kDataSelector = 0x18;

// PML4, PDPT, then one page directory a GiB.
void write_page_tables(GuestMemory& memory, GuestAddress at) {
    const GuestAddress pdpt = at + kPageSize;
    const GuestAddress directories = pdpt + kPageSize;
    constexpr std::uint64_t kDirectories = kLongModePageTables / kPageSize - 2;
    Table table{};
    table[0] = pdpt | kTable;
    HVLAB_ASSERT(memory.write_value(at, table));
    for (std::uint64_t i = 0; i < kDirectories; ++i) {
        table[i] = (directories + i * kPageSize) | kTable;
    }
    HVLAB_ASSERT(memory.write_value(pdpt, table));
    for (std::uint64_t i = 0; i < kDirectories; ++i) {
        for (std::uint64_t entry = 0; entry < kEntries; ++entry) {
            table[entry] = (i * kEntries + entry) * kLargePageSize | kLargePage;
        }
        HVLAB_ASSERT(memory.write_value(directories + i * kPageSize, table));
    }
}

Segment code_segment() {
    return {.base = 0,
            .limit = 0xFFFFFFFF,
            .selector = kCodeSelector,
            .type = 0xB,
            .l = true,
            .g = true};
}

Segment data_segment() {
    return {.base = 0,
            .limit = 0xFFFFFFFF,
            .selector = kDataSelector,
            .type = 0x3,
            .db = true,
            .g = true};
}

}  // namespace

CpuState enter_long_mode(GuestMemory& memory, const LongModeTables& tables) {
    HVLAB_ASSERT(is_aligned(tables.pages, kPageSize));
    write_page_tables(memory, tables.pages);
    // Null, unused, code (64-bit, execute/read), data (read/write); both accessed.
    const std::array<std::uint64_t, 4> gdt{0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF};
    static_assert(sizeof gdt == kLongModeGdtSize);
    HVLAB_ASSERT(memory.write_value(tables.gdt, gdt));

    CpuState state = reset_state();
    state.rip = 0;
    state.gpr[kRdx] = 0;
    state.cs = code_segment();
    for (Segment* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
        *segment = data_segment();
    }
    state.gdtr = {.base = tables.gdt, .limit = sizeof gdt - 1};
    // An exception before the guest has its own table is a shutdown.
    state.idtr = {.base = 0, .limit = 0};
    state.cr0 = 0x80000011;  // PG, ET, PE
    state.cr3 = tables.pages;
    state.cr4 = 0x20;         // PAE
    state.msrs.efer = 0x500;  // LMA, LME
    state.fpu = FpuState{};
    set_firmware_mtrrs(state.msrs);
    return state;
}

}  // namespace hvlab
