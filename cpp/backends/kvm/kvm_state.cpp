// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_state.h"

#include <algorithm>
#include <cstring>

#include "backends/kvm/kvm_backend.h"
#include "core/cpu/state_check.h"

namespace hvlab::kvm {
namespace {

// ---- What is refused

// CR4 and EFER as far as the named CPU models have them: all else is a feature that CPUID hides.
constexpr std::uint64_t kCr4 = 0x1FF & ~0x43u;  // TSD DE PSE PAE PGE PCE..., not VME, PVI, MCE
constexpr std::uint64_t kCr4Os = 0x600;         // OSFXSR, OSXMMEXCPT
constexpr std::uint64_t kEfer = 0xD01;          // SCE, LME, LMA, NXE

// ---- Segments

kvm_segment to_kvm(const Segment& segment) {
    kvm_segment raw{};
    raw.base = segment.base;
    raw.limit = segment.limit;
    raw.selector = segment.selector;
    raw.type = segment.type;
    raw.s = segment.s;
    raw.dpl = segment.dpl;
    raw.present = segment.present;
    raw.avl = segment.avl;
    raw.l = segment.l;
    raw.db = segment.db;
    raw.g = segment.g;
    raw.unusable = !segment.present;
    return raw;
}

Segment from_kvm(const kvm_segment& raw) {
    return {
        .base = raw.base,
        .limit = raw.limit,
        .selector = raw.selector,
        .type = raw.type,
        .s = raw.s != 0,
        .dpl = raw.dpl,
        .present = raw.present != 0 && raw.unusable == 0,
        .avl = raw.avl != 0,
        .l = raw.l != 0,
        .db = raw.db != 0,
        .g = raw.g != 0,
    };
}

// ---- The one place where fields of both are paired; both directions walk over it.

template <typename State, typename Raw, typename Copy>
void pair_up(State& state, Raw& regs,
             Copy&& copy) requires std::is_same_v<std::remove_const_t<Raw>, kvm_regs> {
    copy(state.gpr[kRax], regs.rax);
    copy(state.gpr[kRcx], regs.rcx);
    copy(state.gpr[kRdx], regs.rdx);
    copy(state.gpr[kRbx], regs.rbx);
    copy(state.gpr[kRsp], regs.rsp);
    copy(state.gpr[kRbp], regs.rbp);
    copy(state.gpr[kRsi], regs.rsi);
    copy(state.gpr[kRdi], regs.rdi);
    copy(state.gpr[kR8], regs.r8);
    copy(state.gpr[kR9], regs.r9);
    copy(state.gpr[kR10], regs.r10);
    copy(state.gpr[kR11], regs.r11);
    copy(state.gpr[kR12], regs.r12);
    copy(state.gpr[kR13], regs.r13);
    copy(state.gpr[kR14], regs.r14);
    copy(state.gpr[kR15], regs.r15);
    copy(state.rip, regs.rip);
    copy(state.rflags, regs.rflags);
}

template <typename State, typename Raw, typename Copy>
void pair_up(State& state, Raw& sregs,
             Copy&& copy) requires std::is_same_v<std::remove_const_t<Raw>, kvm_sregs> {
    copy(state.cs, sregs.cs);
    copy(state.ds, sregs.ds);
    copy(state.es, sregs.es);
    copy(state.fs, sregs.fs);
    copy(state.gs, sregs.gs);
    copy(state.ss, sregs.ss);
    copy(state.ldtr, sregs.ldt);
    copy(state.tr, sregs.tr);
    copy(state.gdtr.base, sregs.gdt.base);
    copy(state.gdtr.limit, sregs.gdt.limit);
    copy(state.idtr.base, sregs.idt.base);
    copy(state.idtr.limit, sregs.idt.limit);
    copy(state.cr0, sregs.cr0);
    copy(state.cr2, sregs.cr2);
    copy(state.cr3, sregs.cr3);
    copy(state.cr4, sregs.cr4);
    copy(state.cr8, sregs.cr8);
    copy(state.msrs.efer, sregs.efer);
}

struct ToKvm {
    template <typename From, typename To>
    void operator()(const From& from, To& to) const {
        to = static_cast<To>(from);
    }
    void operator()(const Segment& from, kvm_segment& to) const { to = to_kvm(from); }
};

struct FromKvm {
    template <typename From, typename To>
    void operator()(To& to, const From& from) const {
        to = static_cast<To>(from);
    }
    void operator()(Segment& to, const kvm_segment& from) const { to = from_kvm(from); }
};

// ---- The legacy region of the XSAVE area (Intel SDM vol. 1 table 10-2), and its header

struct LegacyRegion {
    std::uint16_t fcw;
    std::uint16_t fsw;
    std::uint8_t ftw;
    std::uint8_t reserved;
    std::uint16_t fop;
    std::uint64_t fip;
    std::uint64_t fdp;
    std::uint32_t mxcsr;
    std::uint32_t mxcsr_mask;
    std::array<std::array<std::uint8_t, 16>, 8> st;
    std::array<FpuState::XmmRegister, 16> xmm;
    std::array<std::uint8_t, 96> unused;
    std::uint64_t xstate_bv;
    std::uint64_t xcomp_bv;
};
static_assert(offsetof(LegacyRegion, xmm) == 160 && offsetof(LegacyRegion, xstate_bv) == 512);

constexpr std::uint64_t kX87AndSse = 3;

}  // namespace

void check_representable(const CpuState& state) {
    hvlab::check_representable(state, KvmBackend::kName, {.cr4 = kCr4 | kCr4Os, .efer = kEfer});
    check_bits(KvmBackend::kName, "dr6", state.dr6, 0xFFFFFFFF);
    check_bits(KvmBackend::kName, "dr7", state.dr7, 0xFFFFFFFF);
}

void load(const CpuState& state, kvm_regs& regs) {
    pair_up(state, regs, ToKvm{});
}

void store(const kvm_regs& regs, CpuState& state) {
    pair_up(state, regs, FromKvm{});
}

void load(const CpuState& state, kvm_sregs& sregs) {
    pair_up(state, sregs, ToKvm{});
    // An acknowledged interrupt goes by the events.
    std::fill(std::begin(sregs.interrupt_bitmap), std::end(sregs.interrupt_bitmap), 0);
}

void store(const kvm_sregs& sregs, CpuState& state) {
    pair_up(state, sregs, FromKvm{});
}

void load(const CpuState& state, kvm_vcpu_events& events) {
    events = {};
    events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    events.exception.injected = state.exception.pending;
    events.exception.nr = state.exception.vector;
    events.exception.has_error_code = state.exception.has_error_code;
    events.exception.error_code = state.exception.error_code;
    events.interrupt.injected = state.interrupt.pending;
    events.interrupt.nr = state.interrupt.vector;
    if (state.shadow_sti) events.interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
    if (state.shadow_mov_ss) events.interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;
    events.nmi.pending = state.nmi_pending;
    events.nmi.masked = state.nmi_blocked;
}

void store(const kvm_vcpu_events& events, CpuState& state) {
    state.exception = {};
    if (events.exception.injected != 0) {
        state.exception = {
            .pending = true,
            .vector = events.exception.nr,
            .has_error_code = events.exception.has_error_code != 0,
            .error_code = events.exception.has_error_code != 0 ? events.exception.error_code : 0};
    }
    state.interrupt = {};
    // INT n that was not delivered yet has not retired: the kernel executes it again.
    if (events.interrupt.injected != 0 && events.interrupt.soft == 0) {
        state.interrupt = {.pending = true, .vector = events.interrupt.nr};
    }
    state.shadow_sti = (events.interrupt.shadow & KVM_X86_SHADOW_INT_STI) != 0;
    state.shadow_mov_ss = (events.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS) != 0;
    // SVM cannot tell the two apart and reports both (arch/x86/kvm/svm/svm.c).
    if (state.shadow_sti) state.shadow_mov_ss = false;
    state.nmi_pending = events.nmi.pending != 0 || events.nmi.injected != 0;
    state.nmi_blocked = events.nmi.masked != 0;
}

void load(const CpuState& state, kvm_debugregs& debug) {
    debug = {};
    std::ranges::copy(state.dr, std::begin(debug.db));
    debug.dr6 = state.dr6;
    debug.dr7 = state.dr7;
}

void store(const kvm_debugregs& debug, CpuState& state) {
    std::copy(std::begin(debug.db), std::end(debug.db), state.dr.begin());
    state.dr6 = debug.dr6;
    state.dr7 = debug.dr7;
}

void load(const CpuState& state, XsaveArea& area) {
    const FpuState& fpu = state.fpu;
    LegacyRegion legacy{};
    legacy.fcw = fpu.fcw;
    legacy.fsw = fpu.fsw;
    legacy.ftw = fpu.ftw;
    legacy.fop = fpu.fop;
    legacy.fip = fpu.fip;
    legacy.fdp = fpu.fdp;
    legacy.mxcsr = fpu.mxcsr;
    for (std::size_t i = 0; i < fpu.st.size(); ++i) {
        std::ranges::copy(fpu.st[i], legacy.st[i].begin());
    }
    legacy.xmm = fpu.xmm;
    // All else is in its initial state: the models have no more.
    legacy.xstate_bv = kX87AndSse;
    area = {};
    std::memcpy(area.bytes.data(), &legacy, sizeof legacy);
}

void store(const XsaveArea& area, CpuState& state) {
    LegacyRegion legacy;
    std::memcpy(&legacy, area.bytes.data(), sizeof legacy);
    FpuState& fpu = state.fpu;
    fpu = {};
    fpu.mxcsr = legacy.mxcsr;
    if ((legacy.xstate_bv & 1) != 0) {
        fpu.fcw = legacy.fcw;
        fpu.fsw = legacy.fsw;
        fpu.ftw = legacy.ftw;
        fpu.fop = legacy.fop;
        fpu.fip = legacy.fip;
        fpu.fdp = legacy.fdp;
        for (std::size_t i = 0; i < fpu.st.size(); ++i) {
            std::copy_n(legacy.st[i].begin(), fpu.st[i].size(), fpu.st[i].begin());
        }
    }
    if ((legacy.xstate_bv & 2) != 0) fpu.xmm = legacy.xmm;
}

}  // namespace hvlab::kvm
