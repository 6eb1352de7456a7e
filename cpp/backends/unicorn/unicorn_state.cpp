// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_state.h"

#include "backends/unicorn/unicorn_backend.h"
#include "core/cpu/state_check.h"

namespace hvlab {
namespace {

// Where a descriptor's second word has them (Intel SDM vol. 3 fig. 3-8).
constexpr unsigned kTypeShift = 8;
constexpr unsigned kSystemShift = 12;
constexpr unsigned kDplShift = 13;
constexpr unsigned kPresentShift = 15;
constexpr unsigned kAvlShift = 20;
constexpr unsigned kLongShift = 21;
constexpr unsigned kDefaultShift = 22;
constexpr unsigned kGranularityShift = 23;

Segment from_engine(const vmm_segment& raw) {
    const auto bit = [&](unsigned shift) { return (raw.flags >> shift & 1) != 0; };
    return {
        .base = raw.base,
        .limit = raw.limit,
        .selector = raw.selector,
        .type = static_cast<std::uint8_t>(raw.flags >> kTypeShift & 0xF),
        .s = bit(kSystemShift),
        .dpl = static_cast<std::uint8_t>(raw.flags >> kDplShift & 3),
        .present = bit(kPresentShift),
        .avl = bit(kAvlShift),
        .l = bit(kLongShift),
        .db = bit(kDefaultShift),
        .g = bit(kGranularityShift),
    };
}

vmm_segment to_engine(const Segment& segment) {
    const auto bit = [](bool value, unsigned shift) { return std::uint32_t{value} << shift; };
    return {
        .base = segment.base,
        .limit = segment.limit,
        .selector = segment.selector,
        .flags = std::uint32_t{segment.type} << kTypeShift | bit(segment.s, kSystemShift) |
                 std::uint32_t{segment.dpl} << kDplShift | bit(segment.present, kPresentShift) |
                 bit(segment.avl, kAvlShift) | bit(segment.l, kLongShift) |
                 bit(segment.db, kDefaultShift) | bit(segment.g, kGranularityShift),
    };
}

// The one place where fields of the two structs are paired; both directions walk over it.
template <typename State, typename Raw, typename Copy>
void pair_up(State& state, Raw& raw, Copy&& copy) {
    copy(state.rip, raw.rip);
    copy(state.rflags, raw.rflags);
    copy(state.cr0, raw.cr0);
    copy(state.cr2, raw.cr2);
    copy(state.cr3, raw.cr3);
    copy(state.cr4, raw.cr4);
    copy(state.cr8, raw.cr8);
    copy(state.dr6, raw.dr6);
    copy(state.dr7, raw.dr7);
    copy(state.gdtr.base, raw.gdtr.base);
    copy(state.gdtr.limit, raw.gdtr.limit);
    copy(state.idtr.base, raw.idtr.base);
    copy(state.idtr.limit, raw.idtr.limit);

    copy(state.msrs.efer, raw.efer);
    copy(state.msrs.star, raw.star);
    copy(state.msrs.lstar, raw.lstar);
    copy(state.msrs.cstar, raw.cstar);
    copy(state.msrs.fmask, raw.fmask);
    copy(state.msrs.kernel_gs_base, raw.kernel_gs_base);
    copy(state.msrs.sysenter_cs, raw.sysenter_cs);
    copy(state.msrs.sysenter_esp, raw.sysenter_esp);
    copy(state.msrs.sysenter_eip, raw.sysenter_eip);
    copy(state.msrs.pat, raw.pat);
    copy(state.msrs.tsc_aux, raw.tsc_aux);
    copy(state.msrs.tsc_offset, raw.tsc_offset);
    copy(state.msrs.misc_enable, raw.misc_enable);
    copy(state.msrs.mtrr_def_type, raw.mtrr_def_type);

    copy(state.fpu.fcw, raw.fcw);
    copy(state.fpu.fsw, raw.fsw);
    copy(state.fpu.ftw, raw.ftw);
    copy(state.fpu.fop, raw.fop);
    copy(state.fpu.fip, raw.fip);
    copy(state.fpu.fdp, raw.fdp);
    copy(state.fpu.mxcsr, raw.mxcsr);

    copy(state.exception.pending, raw.exception_pending);
    copy(state.exception.vector, raw.exception_vector);
    copy(state.exception.error_code, raw.exception_error_code);
    copy(state.nmi_pending, raw.nmi_pending);
    copy(state.nmi_blocked, raw.nmi_blocked);
    copy(state.shadow_sti, raw.shadow_sti);
    copy(state.shadow_mov_ss, raw.shadow_mov_ss);
    copy(state.halted, raw.halted);

    for (std::size_t i = 0; i < kGprCount; ++i) copy(state.gpr[i], raw.gpr[i]);
    for (std::size_t i = 0; i < state.dr.size(); ++i) copy(state.dr[i], raw.dr[i]);
    for (std::size_t i = 0; i < state.msrs.mtrr_fixed.size(); ++i) {
        copy(state.msrs.mtrr_fixed[i], raw.mtrr_fixed[i]);
    }
    for (std::size_t i = 0; i < state.msrs.mtrr_phys_base.size(); ++i) {
        copy(state.msrs.mtrr_phys_base[i], raw.mtrr_phys_base[i]);
        copy(state.msrs.mtrr_phys_mask[i], raw.mtrr_phys_mask[i]);
    }
    for (std::size_t i = 0; i < state.fpu.st.size(); ++i) {
        for (std::size_t j = 0; j < state.fpu.st[i].size(); ++j)
            copy(state.fpu.st[i][j], raw.st[i][j]);
    }
    for (std::size_t i = 0; i < state.fpu.xmm.size(); ++i) {
        for (std::size_t j = 0; j < state.fpu.xmm[i].size(); ++j) {
            copy(state.fpu.xmm[i][j], raw.xmm[i][j]);
        }
    }
}

template <typename State, typename Raw, typename Copy>
void pair_up_segments(State& state, Raw& raw, Copy&& copy) {
    copy(state.cs, raw.segment[VMM_CS]);
    copy(state.ds, raw.segment[VMM_DS]);
    copy(state.es, raw.segment[VMM_ES]);
    copy(state.fs, raw.segment[VMM_FS]);
    copy(state.gs, raw.segment[VMM_GS]);
    copy(state.ss, raw.segment[VMM_SS]);
    copy(state.ldtr, raw.ldtr);
    copy(state.tr, raw.tr);
}

}  // namespace

CpuState from_engine(const vmm_state& raw) {
    CpuState state;
    pair_up(state, raw, [](auto& to, const auto& from) {
        to = static_cast<std::remove_reference_t<decltype(to)>>(from);
    });
    pair_up_segments(state, raw,
                     [](Segment& to, const vmm_segment& from) { to = from_engine(from); });
    state.exception.has_error_code =
        state.exception.pending && pushes_error_code(state.exception.vector);
    if (!state.exception.has_error_code) state.exception.error_code = 0;
    return state;
}

vmm_state to_engine(const CpuState& state) {
    check_representable(state, UnicornBackend::kName,
                        {.cr4 = vmm_representable_cr4(), .efer = vmm_representable_efer()});
    vmm_state raw{};
    pair_up(state, raw, [](const auto& from, auto& to) {
        to = static_cast<std::remove_reference_t<decltype(to)>>(from);
    });
    pair_up_segments(state, raw,
                     [](const Segment& from, vmm_segment& to) { to = to_engine(from); });
    return raw;
}

}  // namespace hvlab
