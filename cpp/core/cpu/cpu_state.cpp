// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/cpu/cpu_state.h"

namespace hvlab {
namespace {

// Descriptor types (Intel SDM vol. 3 tables 3-1 and 3-2).
constexpr std::uint8_t kDataReadWriteAccessed = 0x3;
constexpr std::uint8_t kCodeReadAccessed = 0xB;
constexpr std::uint8_t kLdt = 0x2;
constexpr std::uint8_t kBusyTss = 0xB;

}  // namespace

CpuState reset_state(std::uint32_t signature) {
    CpuState state;
    state.gpr[kRdx] = signature;

    for (Segment* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
        segment->type = kDataReadWriteAccessed;
    }
    // The table says read/write for CS too; hardware virtualisation wants a code type in CS, and
    // real mode does not look at it.
    state.cs.selector = 0xF000;
    state.cs.base = 0xFFFF0000;
    state.cs.type = kCodeReadAccessed;
    state.ldtr.type = kLdt;
    state.ldtr.s = false;
    state.tr.type = kBusyTss;
    state.tr.s = false;

    // Power-up, not FINIT: precision and masks are clear, and every register holds +0.0 (tag word
    // 5555h).
    state.fpu.fcw = 0x0040;
    state.fpu.ftw = 0xFF;
    return state;
}

}  // namespace hvlab
