// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/random_state.h"

#include <initializer_list>

namespace hvlab::conformance {
namespace {

class Draw {
public:
    explicit Draw(RandomStream& random) : random_(random) {}

    std::uint64_t word() { return random_.next(); }
    template <typename T>
    T narrow() {
        return static_cast<T>(random_.next());
    }
    bool flip() { return random_.below(2) == 1; }
    std::uint64_t canonical() {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(word() << 16) >> 16);
    }

private:
    RandomStream& random_;
};

constexpr std::uint64_t kLongModeActive = 0x400;

void fill_segments(CpuState& state, Draw& draw) {
    const bool wide = (state.msrs.efer & kLongModeActive) != 0;
    for (Segment* each : {&state.ds, &state.es, &state.fs, &state.gs}) {
        each->selector = draw.narrow<std::uint16_t>();
        each->base = draw.narrow<std::uint32_t>();
        // With G set the low twelve bits are ones (Intel SDM vol. 3 s. 3.4.5).
        each->g = draw.flip();
        each->limit =
            each->g ? draw.narrow<std::uint32_t>() | 0xFFF : draw.narrow<std::uint32_t>() & 0xFFFFF;
        each->type = draw.flip() ? 0x3 : 0x1;  // read/write or read only, accessed
        each->avl = draw.flip();
        each->db = draw.flip();
    }
    if (wide) {
        state.fs.base = draw.canonical();
        state.gs.base = draw.canonical();
    }
    state.ldtr = {.base = draw.narrow<std::uint32_t>(),
                  .limit = draw.narrow<std::uint16_t>(),
                  .selector = static_cast<std::uint16_t>(draw.word() & 0xFFF8),
                  .type = 2,
                  .s = false,
                  .present = true};
    state.tr.base = draw.narrow<std::uint32_t>();
    state.tr.limit = 0x67 + draw.narrow<std::uint16_t>();
    state.tr.selector = static_cast<std::uint16_t>(draw.word() & 0xFFF8);
    state.gdtr = {.base = draw.narrow<std::uint32_t>(), .limit = draw.narrow<std::uint16_t>()};
    state.idtr = {.base = draw.narrow<std::uint32_t>(), .limit = draw.narrow<std::uint16_t>()};
}

void fill_msrs(Msrs& msrs, Draw& draw) {
    for (auto* reg :
         {&msrs.lstar, &msrs.cstar, &msrs.kernel_gs_base, &msrs.sysenter_esp, &msrs.sysenter_eip}) {
        *reg = draw.canonical();
    }
    msrs.star = draw.word();
    msrs.tsc_offset = draw.word();
    msrs.fmask = draw.narrow<std::uint32_t>();
    msrs.sysenter_cs = draw.narrow<std::uint16_t>();
    msrs.tsc_aux = draw.narrow<std::uint32_t>();
    constexpr std::uint8_t kMemoryTypes[] = {0, 1, 4, 5, 6};
    const auto types = [&] {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < 8; ++i) {
            value |= std::uint64_t{kMemoryTypes[draw.word() % std::size(kMemoryTypes)]} << i * 8;
        }
        return value;
    };
    msrs.pat = types();
    msrs.mtrr_def_type = 0xC06;
    for (auto& reg : msrs.mtrr_fixed) reg = types();
    for (auto& reg : msrs.mtrr_phys_base) reg = (draw.word() & 0xFFFFFFF000) | 6;
    for (auto& reg : msrs.mtrr_phys_mask) reg = (draw.word() & 0xFFFFFFF000) | 0x800;
}

void fill_fpu(FpuState& fpu, Draw& draw) {
    // Masked exceptions and none pending, so that no summary bit depends on another.
    fpu.fcw = static_cast<std::uint16_t>(0x037F | (draw.word() & 0x0C00));
    fpu.fsw = static_cast<std::uint16_t>(draw.word() & 0x7F3F & ~0x80);
    fpu.ftw = draw.narrow<std::uint8_t>();
    fpu.fop = draw.narrow<std::uint16_t>() & 0x7FF;
    fpu.fip = draw.canonical();
    fpu.fdp = draw.canonical();
    for (auto& reg : fpu.st) {
        for (auto& byte : reg) byte = draw.narrow<std::uint8_t>();
    }
    for (auto& reg : fpu.xmm) reg = {draw.word(), draw.word()};
    fpu.mxcsr = static_cast<std::uint32_t>(draw.word() & 0xFFBF);
}

void fill_events(CpuState& state, Draw& draw) {
    if (draw.flip()) state.exception = {.pending = true, .vector = 6};
    if (draw.flip()) {
        state.exception = {.pending = true,
                           .vector = 14,
                           .has_error_code = true,
                           .error_code = static_cast<std::uint32_t>(draw.word() & 0x1F)};
    }
    // Acknowledged while they were enabled.
    if ((state.rflags & 0x200) != 0 && draw.flip()) {
        state.interrupt = {.pending = true,
                           .vector = static_cast<std::uint8_t>(draw.word() % 224 + 32)};
    }
    state.nmi_pending = draw.flip();
    state.nmi_blocked = draw.flip();
    state.shadow_sti = (state.rflags & 0x200) != 0 && draw.flip();
    state.shadow_mov_ss = !state.shadow_sti && draw.flip();
    state.halted = draw.flip();
}

}  // namespace

CpuState random_state(const CpuState& base, RandomStream& random) {
    Draw draw(random);
    CpuState state = base;
    const bool wide = (base.msrs.efer & kLongModeActive) != 0;
    for (auto& reg : state.gpr) reg = draw.word();
    state.rip = wide ? draw.canonical() : draw.narrow<std::uint16_t>();
    constexpr std::uint64_t kFlags = 0x247FD5;  // all but VM, RF and the virtual interrupt flags
    state.rflags = (draw.word() & kFlags) | 2;
    fill_segments(state, draw);
    state.cr0 = (base.cr0 & ~0x4000Eull) | (draw.word() & 0x4000E);
    state.cr2 = draw.canonical();
    state.cr4 = base.cr4 | (draw.word() & 0x18C);  // TSD, DE, PGE, PCE
    state.cr8 = draw.word() & 15;
    for (auto& reg : state.dr) reg = draw.canonical();
    state.dr6 = 0xFFFF0FF0 | (draw.word() & 0xE00F);
    state.dr7 = 0x400 | (draw.word() & 0xFF);
    fill_msrs(state.msrs, draw);
    fill_fpu(state.fpu, draw);
    fill_events(state, draw);
    return state;
}

}  // namespace hvlab::conformance
