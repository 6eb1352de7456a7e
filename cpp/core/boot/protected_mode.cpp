// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/protected_mode.h"

#include <array>

#include "core/base/status.h"
#include "core/boot/mtrr.h"

namespace hvlab {
namespace {

constexpr std::uint16_t kCodeSelector = 0x10;
constexpr std::uint16_t kDataSelector = 0x18;

Segment flat_segment(std::uint16_t selector, std::uint8_t type) {
    return {
        .base = 0, .limit = 0xFFFFFFFF, .selector = selector, .type = type, .db = true, .g = true};
}

}  // namespace

CpuState enter_protected_mode(GuestMemory& memory, GuestAddress gdt) {
    // Null, unused, code (execute/read), data (read/write); both 32-bit, 4 GiB, accessed.
    const std::array<std::uint64_t, 4> descriptors{0, 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF};
    static_assert(sizeof descriptors == kProtectedModeGdtSize);
    HVLAB_ASSERT(memory.write_value(gdt, descriptors));

    CpuState state = reset_state();
    state.rip = 0;
    state.gpr[kRdx] = 0;
    state.cs = flat_segment(kCodeSelector, 0xB);
    for (Segment* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
        *segment = flat_segment(kDataSelector, 0x3);
    }
    state.tr.limit = 0x67;  // busy 32-bit TSS: the type at reset
    state.gdtr = {.base = gdt, .limit = sizeof descriptors - 1};
    // An exception before the guest has its own table is a shutdown.
    state.idtr = {.base = 0, .limit = 0};
    state.cr0 = 0x11;  // ET, PE
    state.fpu = FpuState{};
    set_firmware_mtrrs(state.msrs);
    return state;
}

}  // namespace hvlab
