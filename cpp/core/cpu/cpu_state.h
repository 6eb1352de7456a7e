// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one architectural state of a vCPU that every backend reads and writes without loss. Plain
// data: comparable, copyable, with no pointers. Field names are the manuals' (Intel SDM vol. 1 ch.
// 3, vol. 3 ch. 2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hvlab {

enum Gpr : std::uint8_t {
    kRax,
    kRcx,
    kRdx,
    kRbx,
    kRsp,
    kRbp,
    kRsi,
    kRdi,
    kR8,
    kR9,
    kR10,
    kR11,
    kR12,
    kR13,
    kR14,
    kR15,
    kGprCount,
};

// A segment register with its hidden part (Intel SDM vol. 3 s. 3.4.3). `limit` is in bytes, scaled
// by G.
struct Segment {
    std::uint64_t base = 0;
    std::uint32_t limit = 0xFFFF;
    std::uint16_t selector = 0;
    std::uint8_t type = 0;  // the four type bits of the descriptor
    bool s = true;          // code or data (false: system)
    std::uint8_t dpl = 0;
    bool present = true;
    bool avl = false;
    bool l = false;
    bool db = false;
    bool g = false;

    bool operator==(const Segment&) const = default;
};

struct DescriptorTable {
    std::uint64_t base = 0;
    std::uint16_t limit = 0xFFFF;

    bool operator==(const DescriptorTable&) const = default;
};

// x87 and SSE state in the terms of the FXSAVE image (Intel SDM vol. 1 s. 10.5.1).
struct FpuState {
    using X87Register = std::array<std::uint8_t, 10>;
    using XmmRegister = std::array<std::uint64_t, 2>;

    std::uint16_t fcw = 0x037F;
    std::uint16_t fsw = 0;  // TOP in bits 13:11
    std::uint8_t ftw = 0;   // abridged: bit i set means physical register i is not empty
    std::uint16_t fop = 0;
    std::uint64_t fip = 0;
    std::uint64_t fdp = 0;
    std::array<X87Register, 8> st{};  // by stack position: st[0] is ST(0)
    std::array<XmmRegister, 16> xmm{};
    std::uint32_t mxcsr = 0x1F80;

    bool operator==(const FpuState&) const = default;
};

// Model-specific registers that carry state of the named CPU models, EFER among them. There is no
// APIC base: the models hide the APIC. MTRRs are kept though nothing depends on their effect,
// because guests read back what they wrote.
struct Msrs {
    std::uint64_t efer = 0;
    std::uint64_t star = 0;
    std::uint64_t lstar = 0;
    std::uint64_t cstar = 0;
    std::uint64_t fmask = 0;
    std::uint64_t kernel_gs_base = 0;
    std::uint64_t sysenter_cs = 0;
    std::uint64_t sysenter_esp = 0;
    std::uint64_t sysenter_eip = 0;
    std::uint64_t pat = 0x0007040600070406;
    std::uint64_t tsc_aux = 0;
    std::uint64_t tsc_offset =
        0;  // guest TSC minus the vCPU's virtual time base, in ticks (WRMSR 10h)
    std::uint64_t misc_enable = 1;
    std::uint64_t mtrr_def_type = 0;
    std::array<std::uint64_t, 11> mtrr_fixed{};
    std::array<std::uint64_t, 8> mtrr_phys_base{};
    std::array<std::uint64_t, 8> mtrr_phys_mask{};

    bool operator==(const Msrs&) const = default;
};

// An exception that was raised but not yet delivered (KVM_GET_VCPU_EVENTS has the same notion).
struct PendingException {
    bool pending = false;
    std::uint8_t vector = 0;
    bool has_error_code = false;
    std::uint32_t error_code = 0;

    bool operator==(const PendingException&) const = default;
};

// An external interrupt that was acknowledged but not yet delivered: the controller has forgotten
// it.
struct PendingInterrupt {
    bool pending = false;
    std::uint8_t vector = 0;

    bool operator==(const PendingInterrupt&) const = default;
};

struct CpuState {
    std::array<std::uint64_t, kGprCount> gpr{};
    std::uint64_t rip = 0xFFF0;
    std::uint64_t rflags = 0x2;

    Segment cs, ds, es, fs, gs, ss;
    Segment ldtr, tr;
    DescriptorTable gdtr, idtr;

    std::uint64_t cr0 = 0x60000010;
    std::uint64_t cr2 = 0;
    std::uint64_t cr3 = 0;
    std::uint64_t cr4 = 0;
    std::uint64_t cr8 = 0;
    std::array<std::uint64_t, 4> dr{};  // DR0-DR3
    std::uint64_t dr6 = 0xFFFF0FF0;
    std::uint64_t dr7 = 0x400;

    Msrs msrs;
    FpuState fpu;

    PendingException exception;
    PendingInterrupt interrupt;
    bool nmi_pending = false;
    bool nmi_blocked = false;    // between NMI delivery and IRET
    bool shadow_sti = false;     // interrupts held off for one instruction after STI
    bool shadow_mov_ss = false;  // ... after MOV SS or POP SS
    bool halted = false;         // executed HLT and nothing has woken it

    bool operator==(const CpuState&) const = default;
};

// The state after power-on (Intel SDM vol. 3 table 10-1): real mode, F000:FFF0. EDX holds
// `signature`, the model's CPUID.1:EAX.
CpuState reset_state(std::uint32_t signature = 0x600);

}  // namespace hvlab
