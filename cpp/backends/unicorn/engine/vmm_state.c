/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole architectural state of a vCPU, out of the core and into it. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "fpu/softfloat.h"
#include "uc_priv.h"

#include "vmm_internal.h"

#define SEGMENT_FLAGS (0x00f0ff00u) /* of a descriptor's second word, the limit's bits aside */

static CPUX86State *env_of(const struct vmm *vmm)
{
    return vmm->uc->cpu->env_ptr;
}

/* ---- Segments and tables ---- */

static void get_segment(const SegmentCache *from, struct vmm_segment *to)
{
    to->base = from->base;
    to->limit = from->limit;
    to->selector = from->selector;
    to->flags = from->flags & SEGMENT_FLAGS;
}

static void set_segment(SegmentCache *to, const struct vmm_segment *from)
{
    to->base = from->base;
    to->limit = from->limit;
    to->selector = from->selector;
    to->flags = from->flags & SEGMENT_FLAGS;
}

QEMU_BUILD_BUG_ON((int)VMM_ES != R_ES || (int)VMM_CS != R_CS || (int)VMM_SS != R_SS ||
                  (int)VMM_DS != R_DS || (int)VMM_FS != R_FS || (int)VMM_GS != R_GS);

static void get_segments(const CPUX86State *env, struct vmm_state *state)
{
    unsigned i;

    for (i = 0; i < VMM_SEGMENTS; i++) {
        get_segment(&env->segs[i], &state->segment[i]);
    }
    get_segment(&env->ldt, &state->ldtr);
    get_segment(&env->tr, &state->tr);
    state->gdtr.base = env->gdt.base;
    state->gdtr.limit = env->gdt.limit;
    state->idtr.base = env->idt.base;
    state->idtr.limit = env->idt.limit;
}

static void set_segments(CPUX86State *env, const struct vmm_state *state)
{
    unsigned i;

    for (i = 0; i < VMM_SEGMENTS; i++) {
        set_segment(&env->segs[i], &state->segment[i]);
    }
    set_segment(&env->ldt, &state->ldtr);
    set_segment(&env->tr, &state->tr);
    env->gdt.base = state->gdtr.base;
    env->gdt.limit = state->gdtr.limit;
    env->idt.base = state->idtr.base;
    env->idt.limit = state->idtr.limit;
}

/* ---- Model-specific registers ---- */

static void get_msrs(const CPUX86State *env, struct vmm_state *state)
{
    unsigned i;

    state->efer = env->efer;
    state->star = env->star;
    state->lstar = env->lstar;
    state->cstar = env->cstar;
    state->fmask = env->fmask;
    state->kernel_gs_base = env->kernelgsbase;
    state->sysenter_cs = env->sysenter_cs;
    state->sysenter_esp = env->sysenter_esp;
    state->sysenter_eip = env->sysenter_eip;
    state->pat = env->pat;
    state->tsc_aux = env->tsc_aux;
    state->tsc_offset = env->tsc_offset;
    state->misc_enable = env->msr_ia32_misc_enable;
    state->mtrr_def_type = env->mtrr_deftype;
    memcpy(state->mtrr_fixed, env->mtrr_fixed, sizeof(state->mtrr_fixed));
    for (i = 0; i < 8; i++) {
        state->mtrr_phys_base[i] = env->mtrr_var[i].base;
        state->mtrr_phys_mask[i] = env->mtrr_var[i].mask;
    }
}

static void set_msrs(CPUX86State *env, const struct vmm_state *state)
{
    unsigned i;

    env->efer = state->efer;
    env->star = state->star;
    env->lstar = state->lstar;
    env->cstar = state->cstar;
    env->fmask = state->fmask;
    env->kernelgsbase = state->kernel_gs_base;
    env->sysenter_cs = state->sysenter_cs;
    env->sysenter_esp = state->sysenter_esp;
    env->sysenter_eip = state->sysenter_eip;
    env->pat = state->pat;
    env->tsc_aux = state->tsc_aux;
    env->tsc_offset = state->tsc_offset;
    env->msr_ia32_misc_enable = state->misc_enable;
    env->mtrr_deftype = state->mtrr_def_type;
    memcpy(env->mtrr_fixed, state->mtrr_fixed, sizeof(state->mtrr_fixed));
    for (i = 0; i < 8; i++) {
        env->mtrr_var[i].base = state->mtrr_phys_base[i];
        env->mtrr_var[i].mask = state->mtrr_phys_mask[i];
    }
}

/* ---- x87 and SSE (Intel SDM vol. 1 s. 10.5.1) ---- */

static void get_fpu(CPUX86State *env, struct vmm_state *state)
{
    unsigned i;

    cpu_collect_x87_exceptions(env);
    cpu_collect_sse_exceptions(env);
    state->fcw = env->fpuc;
    state->fsw = (env->fpus & ~0x3800) | (env->fpstt & 7) << 11;
    state->ftw = 0;
    state->fop = env->fpop;
    state->fip = env->fpip;
    state->fdp = env->fpdp;
    for (i = 0; i < 8; i++) {
        const floatx80 *value = &env->fpregs[(env->fpstt + i) & 7].d;
        state->ftw |= !env->fptags[i] << i;
        memcpy(&state->st[i][0], &value->low, 8);
        memcpy(&state->st[i][8], &value->high, 2);
    }
    for (i = 0; i < 16; i++) {
        state->xmm[i][0] = env->xmm_regs[i].ZMM_Q(0);
        state->xmm[i][1] = env->xmm_regs[i].ZMM_Q(1);
    }
    state->mxcsr = env->mxcsr;
}

static void set_fpu(CPUX86State *env, const struct vmm_state *state)
{
    unsigned i;

    cpu_set_fpuc(env, state->fcw);
    env->fpus = state->fsw & ~0x3800;
    set_float_exception_flags(0, &env->fp_status);
    env->fpstt = state->fsw >> 11 & 7;
    env->fpop = state->fop;
    env->fpip = state->fip;
    env->fpdp = state->fdp;
    for (i = 0; i < 8; i++) {
        floatx80 *value = &env->fpregs[(env->fpstt + i) & 7].d;
        env->fptags[i] = !(state->ftw >> i & 1);
        memcpy(&value->low, &state->st[i][0], 8);
        memcpy(&value->high, &state->st[i][8], 2);
    }
    for (i = 0; i < 16; i++) {
        env->xmm_regs[i].ZMM_Q(0) = state->xmm[i][0];
        env->xmm_regs[i].ZMM_Q(1) = state->xmm[i][1];
    }
    cpu_set_mxcsr(env, state->mxcsr);
}

/* ---- Events ---- */

static void get_events(const struct vmm *vmm, struct vmm_state *state)
{
    const CPUState *cpu = vmm->uc->cpu;
    const CPUX86State *env = env_of(vmm);
    bool shadow = env->hflags & HF_INHIBIT_IRQ_MASK;

    state->exception_pending = cpu->exception_index >= 0 && cpu->exception_index < 32;
    if (state->exception_pending) {
        state->exception_vector = cpu->exception_index;
        state->exception_error_code = env->error_code;
    }
    state->nmi_pending = cpu->interrupt_request & CPU_INTERRUPT_NMI;
    state->nmi_blocked = env->hflags2 & HF2_NMI_MASK;
    state->shadow_sti = shadow && env->shadow_by_sti;
    state->shadow_mov_ss = shadow && !env->shadow_by_sti;
    state->halted = cpu->halted;
}

/* What the core remembers of the exception in delivery, to make a double fault of a second one. */
static int in_flight_exception(uint8_t vector)
{
    bool counts = vector == EXCP00_DIVZ || vector == EXCP08_DBLE || vector == EXCP0E_PAGE ||
                  (vector >= EXCP0A_TSS && vector <= EXCP0D_GPF);

    return counts ? vector : -1;
}

static void set_events(struct vmm *vmm, const struct vmm_state *state)
{
    CPUState *cpu = vmm->uc->cpu;
    CPUX86State *env = env_of(vmm);

    cpu->exception_index = -1;
    env->old_exception = -1;
    env->exception_is_int = 0;
    if (state->exception_pending) {
        cpu->exception_index = state->exception_vector;
        env->error_code = state->exception_error_code;
        env->old_exception = in_flight_exception(state->exception_vector);
    }
    cpu->interrupt_request &= ~CPU_INTERRUPT_NMI; /* INTR stays as its line is */
    if (state->nmi_pending) {
        cpu->interrupt_request |= CPU_INTERRUPT_NMI;
    }
    env->hflags2 = HF2_GIF_MASK | (state->nmi_blocked ? HF2_NMI_MASK : 0);
    env->shadow_by_sti = state->shadow_sti;
    cpu->halted = state->halted;
    cpu->cflags_next_tb = -1;
    vmm->triple_fault = false;
    vmm->storm = 0;
    vmm->debug_traps = 0;
    vmm->int1_length = 0;
    vmm->fetch_fault = false;
}

/* ---- hflags: what the translator has to know, gathered from everywhere ---- */

static uint32_t mode_flags(const CPUX86State *env)
{
    uint32_t cs = env->segs[R_CS].flags, ss = env->segs[R_SS].flags;
    uint32_t flags = 0;

    if ((env->efer & MSR_EFER_LMA) && (cs & DESC_L_MASK)) {
        return HF_LMA_MASK | HF_CS32_MASK | HF_SS32_MASK | HF_CS64_MASK;
    }
    flags |= env->efer & MSR_EFER_LMA ? HF_LMA_MASK : 0;
    flags |= cs & DESC_B_MASK ? HF_CS32_MASK : 0;
    flags |= ss & DESC_B_MASK ? HF_SS32_MASK : 0;
    if (!(env->cr[0] & CR0_PE_MASK) || (env->eflags & VM_MASK) || !(flags & HF_CS32_MASK) ||
        (env->segs[R_DS].base | env->segs[R_ES].base | env->segs[R_SS].base) != 0) {
        flags |= HF_ADDSEG_MASK;
    }
    return flags;
}

static unsigned privilege_level(const CPUX86State *env)
{
    if (!(env->cr[0] & CR0_PE_MASK)) {
        return 0;
    }
    return env->eflags & VM_MASK ? 3 : env->segs[R_SS].flags >> DESC_DPL_SHIFT & 3;
}

static void set_hflags(CPUX86State *env, bool shadow)
{
    uint32_t flags = mode_flags(env) | privilege_level(env) << HF_CPL_SHIFT;

    flags |= env->cr[0] & CR0_PE_MASK ? HF_PE_MASK : 0;
    flags |= env->cr[0] << (HF_MP_SHIFT - CR0_MP_SHIFT) & (HF_MP_MASK | HF_EM_MASK | HF_TS_MASK);
    flags |= env->cr[0] & CR0_AM_MASK ? HF_AM_MASK : 0;
    flags |= ~env->fpuc & 0x3f ? HF_FPU_UNMASKED_MASK : 0;
    flags |= env->cr[4] & CR4_OSFXSR_MASK ? HF_OSFXSR_MASK : 0;
    flags |= env->cr[4] & CR4_SMAP_MASK ? HF_SMAP_MASK : 0;
    flags |= shadow ? HF_INHIBIT_IRQ_MASK : 0;
    env->hflags = flags;
}

/* The core keeps breakpoints of its own for DR7's enabled ones. */
static void set_debug_registers(CPUX86State *env, const struct vmm_state *state)
{
    unsigned i;

    cpu_x86_update_dr7(env, DR7_FIXED_1);
    for (i = 0; i < 4; i++) {
        env->dr[i] = state->dr[i];
    }
    env->dr[6] = state->dr6;
    cpu_x86_update_dr7(env, state->dr7);
    env->dr[7] = state->dr7;
}

/* ---- All of it ---- */

uint64_t vmm_representable_cr4(void)
{
    return CR4_VME_MASK | CR4_PVI_MASK | CR4_TSD_MASK | CR4_DE_MASK | CR4_PSE_MASK | CR4_PAE_MASK |
           CR4_MCE_MASK | CR4_PGE_MASK | CR4_PCE_MASK | CR4_OSFXSR_MASK | CR4_OSXMMEXCPT_MASK |
           CR4_FSGSBASE_MASK | CR4_SMEP_MASK | CR4_SMAP_MASK;
}

uint64_t vmm_representable_efer(void)
{
    return MSR_EFER_SCE | MSR_EFER_LME | MSR_EFER_LMA | MSR_EFER_NXE;
}

void vmm_get_state(const struct vmm *vmm, struct vmm_state *state)
{
    CPUX86State *env = env_of(vmm);
    unsigned i;

    memset(state, 0, sizeof(*state));
    for (i = 0; i < 16; i++) {
        state->gpr[i] = env->regs[i];
    }
    state->rip = env->eip;
    state->rflags = env->eflags; /* complete outside vmm_run() */
    get_segments(env, state);
    state->cr0 = env->cr[0];
    state->cr2 = env->cr[2];
    state->cr3 = env->cr[3];
    state->cr4 = env->cr[4];
    state->cr8 = env->v_tpr;
    for (i = 0; i < 4; i++) {
        state->dr[i] = env->dr[i];
    }
    state->dr6 = env->dr[6];
    state->dr7 = env->dr[7];
    get_msrs(env, state);
    get_fpu(env, state);
    get_events(vmm, state);
}

void vmm_set_state(struct vmm *vmm, const struct vmm_state *state)
{
    CPUX86State *env = env_of(vmm);
    unsigned i;

    for (i = 0; i < 16; i++) {
        env->regs[i] = state->gpr[i];
    }
    env->eip = state->rip;
    env->eflags = state->rflags | 2;
    set_segments(env, state);
    env->cr[0] = state->cr0;
    env->cr[2] = state->cr2;
    env->cr[3] = state->cr3;
    env->cr[4] = state->cr4;
    env->v_tpr = state->cr8 & 0xf;
    set_msrs(env, state);
    set_fpu(env, state);
    set_events(vmm, state);
    set_hflags(env, state->shadow_sti || state->shadow_mov_ss);
    set_debug_registers(env, state); /* adds to hflags */
    tlb_flush(env_cpu(env));
}
