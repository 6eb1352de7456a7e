/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What instructions ask of the processor around the core: ports, time, CPUID, MSRs, system calls. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "uc_priv.h"

#include "vmm_internal.h"

static struct vmm *vmm_of(CPUX86State *env)
{
    return env->uc->vmm;
}

static CPUX86State *env_of(struct vmm *vmm)
{
    return vmm->uc->cpu->env_ptr;
}

/* ---- Port I/O, RDTSC and RDRAND: the translator makes them the last of their block ---- */

uint32_t vmm_port_read(struct vmm *vmm, uint32_t port, unsigned size)
{
    uint32_t value;

    vmm->in_flight = 1;
    value = vmm->callbacks.port_read(vmm->opaque, port, size);
    vmm->in_flight = 0;
    return size == 4 ? value : value & ((1u << (size * 8)) - 1);
}

void vmm_port_write(struct vmm *vmm, uint32_t port, unsigned size, uint32_t value)
{
    if (size < 4) {
        value &= (1u << (size * 8)) - 1;
    }
    vmm->in_flight = 1;
    vmm->callbacks.port_write(vmm->opaque, port, size, value);
    vmm->in_flight = 0;
}

uint64_t vmm_time_stamp(struct vmm *vmm)
{
    uint64_t value;

    vmm->in_flight = 1;
    value = vmm->callbacks.time_stamp(vmm->opaque);
    vmm->in_flight = 0;
    return value;
}

uint64_t vmm_random(struct vmm *vmm)
{
    uint64_t value;

    vmm->in_flight = 1;
    value = vmm->callbacks.random(vmm->opaque);
    vmm->in_flight = 0;
    return value;
}

/* ---- CPUID and what the translator honours of it ---- */

#define DEPRECATES_FPU_SELECTORS (1u << 13) /* leaf 7, EBX: FCS and FDS are zero */

static const struct {
    uint32_t leaf;
    unsigned reg;
    FeatureWord word;
    uint32_t without; /* what the core has, but struct vmm_state does not carry */
    uint32_t with;    /* what the core's list forgets */
} feature_words[] = {
    { 1, 2, FEAT_1_ECX, CPUID_EXT_XSAVE | CPUID_EXT_MONITOR, 0 },
    { 1, 3, FEAT_1_EDX, CPUID_MCE | CPUID_MCA, 0 },
    { 7, 1, FEAT_7_0_EBX, CPUID_7_0_EBX_MPX, CPUID_7_0_EBX_RDSEED | DEPRECATES_FPU_SELECTORS },
    { 7, 2, FEAT_7_0_ECX, CPUID_7_0_ECX_PKU | CPUID_7_0_ECX_LA57, 0 },
    { 7, 3, FEAT_7_0_EDX, 0, 0 },
    { 0x80000001, 2, FEAT_8000_0001_ECX, CPUID_EXT3_SVM, 0 },
    { 0x80000001, 3, FEAT_8000_0001_EDX, 0, 0 },
};

uint32_t vmm_supported_features(uint32_t leaf, unsigned reg)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(feature_words); i++) {
        if (feature_words[i].leaf == leaf && feature_words[i].reg == reg) {
            uint32_t core = x86_cpu_get_supported_feature_word(feature_words[i].word, false);
            return (core & ~feature_words[i].without) | feature_words[i].with;
        }
    }
    return 0;
}

static void cpuid(struct vmm *vmm, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    unsigned i;

    vmm->callbacks.cpuid(vmm->opaque, leaf, subleaf, result);
    for (i = 0; i < ARRAY_SIZE(feature_words); i++) {
        if (feature_words[i].leaf == leaf && (leaf != 7 || subleaf == 0)) {
            result[feature_words[i].reg] &= vmm_supported_features(leaf, feature_words[i].reg);
        }
    }
}

void vmm_cpuid(CPUX86State *env)
{
    uint32_t result[4];

    cpuid(vmm_of(env), env->regs[R_EAX], env->regs[R_ECX], result);
    env->regs[R_EAX] = result[0];
    env->regs[R_EBX] = result[1];
    env->regs[R_ECX] = result[2];
    env->regs[R_EDX] = result[3];
}

void vmm_load_features(struct vmm *vmm)
{
    CPUX86State *env = env_of(vmm);
    uint32_t result[4];
    unsigned i;

    memset(env->features, 0, sizeof(env->features));
    for (i = 0; i < ARRAY_SIZE(feature_words); i++) {
        cpuid(vmm, feature_words[i].leaf, 0, result);
        env->features[feature_words[i].word] = result[feature_words[i].reg];
    }
    cpuid(vmm, 0, 0, result);
    env->cpuid_vendor1 = result[1];
    env->cpuid_vendor2 = result[3];
    env->cpuid_vendor3 = result[2];
}

static bool is_intel(const CPUX86State *env)
{
    return env->cpuid_vendor1 == CPUID_VENDOR_INTEL_1;
}

/* ---- Control registers (Intel SDM vol. 3 s. 2.5) ---- */

static uint64_t valid_cr4(const CPUX86State *env)
{
    uint64_t valid = CR4_TSD_MASK | CR4_DE_MASK | CR4_PSE_MASK | CR4_PAE_MASK | CR4_MCE_MASK |
                     CR4_PGE_MASK | CR4_PCE_MASK | CR4_OSFXSR_MASK | CR4_OSXMMEXCPT_MASK;

    if (env->features[FEAT_7_0_EBX] & CPUID_7_0_EBX_FSGSBASE) {
        valid |= CR4_FSGSBASE_MASK;
    }
    if (env->features[FEAT_7_0_EBX] & CPUID_7_0_EBX_SMEP) {
        valid |= CR4_SMEP_MASK;
    }
    if (env->features[FEAT_7_0_EBX] & CPUID_7_0_EBX_SMAP) {
        valid |= CR4_SMAP_MASK;
    }
    return valid;
}

static bool valid_control_register(const CPUX86State *env, int index, uint64_t value)
{
    switch (index) {
    case 0:
        if (value >> 32 || ((value & CR0_PG_MASK) && !(value & CR0_PE_MASK)) ||
            ((value & (1u << 29)) && !(value & (1u << 30))) || /* NW without CD */
            (!(value & CR0_PG_MASK) && (env->hflags & HF_CS64_MASK))) {
            return false;
        }
        return !(value & CR0_PG_MASK) || (env->cr[0] & CR0_PG_MASK) || !(env->efer & MSR_EFER_LME) ||
               (env->cr[4] & CR4_PAE_MASK);
    case 3:
        return !(env->hflags & HF_LMA_MASK) || !(value >> 52 || (value & PG_HI_RSVD_MASK & PG_ADDRESS_MASK));
    case 4:
        return !(value & ~valid_cr4(env)) && ((value & CR4_PAE_MASK) || !(env->efer & MSR_EFER_LMA));
    case 8:
        return value <= 15;
    default:
        return true;
    }
}

void vmm_check_control_register(CPUX86State *env, int index, uint64_t value, uintptr_t retaddr)
{
    if (!valid_control_register(env, index, value)) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
}

/* ---- Model-specific registers (Intel SDM vol. 4) ---- */

#define MTRR_CAP (MSR_MTRRcap_VCNT | MSR_MTRRcap_FIXRANGE_SUPPORT | MSR_MTRRcap_WC_SUPPORTED)

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool valid_pat(uint64_t value)
{
    unsigned i;

    for (i = 0; i < 8; i++, value >>= 8) {
        uint8_t type = value;
        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

static bool write_efer(CPUX86State *env, uint64_t value)
{
    uint64_t valid = MSR_EFER_LMA; /* read only: ignored */
    uint32_t features = env->features[FEAT_8000_0001_EDX];

    valid |= features & CPUID_EXT2_SYSCALL ? MSR_EFER_SCE : 0;
    valid |= features & CPUID_EXT2_LM ? MSR_EFER_LME : 0;
    valid |= features & CPUID_EXT2_NX ? MSR_EFER_NXE : 0;
    if ((value & ~valid) ||
        ((env->cr[0] & CR0_PG_MASK) && ((value ^ env->efer) & MSR_EFER_LME))) {
        return false;
    }
    value = (value & ~MSR_EFER_LMA) | (env->efer & MSR_EFER_LMA);
    if ((value ^ env->efer) & MSR_EFER_NXE) {
        tlb_flush(env_cpu(env)); /* bit 63 of an entry means something else now */
    }
    cpu_load_efer(env, value);
    return true;
}

/* Those that hold a linear address and have no effect on writing. */
static target_ulong *address_register(CPUX86State *env, uint32_t index)
{
    switch (index) {
    case MSR_IA32_SYSENTER_ESP:
        return &env->sysenter_esp;
    case MSR_IA32_SYSENTER_EIP:
        return &env->sysenter_eip;
    case MSR_LSTAR:
        return &env->lstar;
    case MSR_CSTAR:
        return &env->cstar;
    case MSR_FSBASE:
        return &env->segs[R_FS].base;
    case MSR_GSBASE:
        return &env->segs[R_GS].base;
    case MSR_KERNELGSBASE:
        return &env->kernelgsbase;
    default:
        return NULL;
    }
}

/* Those that are mere storage. */
static uint64_t *plain_register(CPUX86State *env, uint32_t index)
{
    switch (index) {
    case MSR_STAR:
        return &env->star;
    case MSR_FMASK:
        return &env->fmask;
    case MSR_IA32_MISC_ENABLE:
        return &env->msr_ia32_misc_enable;
    case MSR_MTRRphysBase(0) ... MSR_MTRRphysMask(7):
        index -= MSR_MTRRphysBase(0);
        return index & 1 ? &env->mtrr_var[index / 2].mask : &env->mtrr_var[index / 2].base;
    case MSR_MTRRfix64K_00000:
        return &env->mtrr_fixed[0];
    case MSR_MTRRfix16K_80000:
    case MSR_MTRRfix16K_A0000:
        return &env->mtrr_fixed[1 + index - MSR_MTRRfix16K_80000];
    case MSR_MTRRfix4K_C0000 ... MSR_MTRRfix4K_F8000:
        return &env->mtrr_fixed[3 + index - MSR_MTRRfix4K_C0000];
    case MSR_MTRRdefType:
        return &env->mtrr_deftype;
    default:
        return NULL;
    }
}

static bool read_other(struct vmm *vmm, uint32_t index, uint64_t *value, uintptr_t retaddr)
{
    bool known;

    vmm_io_begin(vmm->uc->cpu, retaddr);
    known = vmm->callbacks.msr_read(vmm->opaque, index, value);
    vmm->in_flight = 0;
    return known;
}

static bool write_other(struct vmm *vmm, uint32_t index, uint64_t value, uintptr_t retaddr)
{
    bool accepted;

    vmm_io_begin(vmm->uc->cpu, retaddr);
    accepted = vmm->callbacks.msr_write(vmm->opaque, index, value);
    vmm->in_flight = 0;
    return accepted;
}

static bool read_msr(CPUX86State *env, uint32_t index, uint64_t *value, uintptr_t retaddr)
{
    target_ulong *address = address_register(env, index);
    uint64_t *plain = plain_register(env, index);

    if (address || plain) {
        *value = address ? *address : *plain;
        return true;
    }
    switch (index) {
    case MSR_IA32_TSC:
        vmm_io_begin(env_cpu(env), retaddr);
        *value = vmm_time_stamp(vmm_of(env)) + env->tsc_offset;
        return true;
    case MSR_EFER:
        *value = env->efer;
        return true;
    case MSR_PAT:
        *value = env->pat;
        return true;
    case MSR_IA32_SYSENTER_CS:
        *value = env->sysenter_cs;
        return true;
    case MSR_TSC_AUX:
        *value = env->tsc_aux;
        return true;
    case MSR_MTRRcap:
        *value = MTRR_CAP;
        return true;
    default:
        return read_other(vmm_of(env), index, value, retaddr);
    }
}

static bool write_msr(CPUX86State *env, uint32_t index, uint64_t value, uintptr_t retaddr)
{
    target_ulong *address = address_register(env, index);
    uint64_t *plain = plain_register(env, index);

    if (address) {
        if (canonical(value)) {
            *address = value;
        }
        return canonical(value);
    }
    if (plain) {
        *plain = value;
        return true;
    }
    switch (index) {
    case MSR_IA32_TSC:
        vmm_io_begin(env_cpu(env), retaddr);
        env->tsc_offset = value - vmm_time_stamp(vmm_of(env));
        return true;
    case MSR_EFER:
        return write_efer(env, value);
    case MSR_PAT:
        if (valid_pat(value)) {
            env->pat = value;
        }
        return valid_pat(value);
    case MSR_IA32_SYSENTER_CS:
        env->sysenter_cs = value;
        return true;
    case MSR_TSC_AUX:
        if (value >> 32) {
            return false;
        }
        env->tsc_aux = value;
        return true;
    case MSR_MTRRcap: /* read only */
        return false;
    default:
        return write_other(vmm_of(env), index, value, retaddr);
    }
}

void vmm_rdmsr(CPUX86State *env, uintptr_t retaddr)
{
    uint64_t value = 0;

    if (!read_msr(env, env->regs[R_ECX], &value, retaddr)) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
    env->regs[R_EAX] = (uint32_t)value;
    env->regs[R_EDX] = value >> 32;
}

void vmm_wrmsr(CPUX86State *env, uintptr_t retaddr)
{
    uint64_t value = (uint32_t)env->regs[R_EAX] | (uint64_t)(uint32_t)env->regs[R_EDX] << 32;

    if (!write_msr(env, env->regs[R_ECX], value, retaddr)) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
}

/* ---- Alignment ---- */

void vmm_unaligned(CPUState *cpu, unsigned bits, uintptr_t retaddr)
{
    bool sse_operand = bits == 4; /* nothing else asks for 16 bytes */

    raise_exception_err_ra(cpu->env_ptr, sse_operand ? EXCP0D_GPF : EXCP11_ALGN, 0, retaddr);
}

/* ---- SYSCALL and SYSENTER ---- */

#define FLAT_CODE (DESC_G_MASK | DESC_P_MASK | DESC_S_MASK | DESC_CS_MASK | DESC_R_MASK | DESC_A_MASK)
#define FLAT_DATA (DESC_G_MASK | DESC_B_MASK | DESC_P_MASK | DESC_S_MASK | DESC_W_MASK | DESC_A_MASK)

/* CS and SS for privilege level 0, SS following CS in the descriptor table. */
static void load_flat_segments(CPUX86State *env, unsigned selector, uint32_t size_flag)
{
    cpu_x86_load_seg_cache(env, R_CS, selector & 0xfffc, 0, 0xffffffff, FLAT_CODE | size_flag);
    cpu_x86_load_seg_cache(env, R_SS, (selector & 0xfffc) + 8, 0, 0xffffffff, FLAT_DATA);
}

bool vmm_has_system_calls(CPUX86State *env)
{
    return (env->efer & MSR_EFER_SCE) && (!is_intel(env) || (env->hflags & HF_CS64_MASK));
}

/* Intel SDM vol. 2, SYSCALL; outside 64-bit mode as AMD has it (APM vol. 3, SYSCALL). */
void vmm_syscall(CPUX86State *env, int length, uintptr_t retaddr)
{
    const uint32_t all = ~(CC_O | CC_S | CC_Z | CC_A | CC_P | CC_C | DF_MASK);
    bool long_mode = env->hflags & HF_LMA_MASK;
    bool code64 = env->hflags & HF_CS64_MASK;
    uint32_t flags = cpu_compute_eflags(env);
    uint32_t selector = env->star >> 32 & 0xffff;

    if (!vmm_has_system_calls(env)) {
        raise_exception_err_ra(env, EXCP06_ILLOP, 0, retaddr);
    }
    if (long_mode) {
        env->regs[R_ECX] = env->eip + length;
        env->regs[11] = flags & ~RF_MASK;
        cpu_load_eflags(env, flags & ~(env->fmask | RF_MASK), all);
        load_flat_segments(env, selector, DESC_L_MASK);
        env->eip = code64 ? env->lstar : env->cstar;
    } else {
        env->regs[R_ECX] = (uint32_t)(env->eip + length);
        cpu_load_eflags(env, flags & ~(IF_MASK | RF_MASK | VM_MASK), all);
        load_flat_segments(env, selector, DESC_B_MASK);
        env->eip = (uint32_t)env->star;
    }
}

/* Intel SDM vol. 2, SYSENTER. */
void vmm_sysenter(CPUX86State *env, uintptr_t retaddr)
{
    bool long_mode = env->hflags & HF_LMA_MASK;

    if ((env->sysenter_cs & 0xfffc) == 0) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
    env->eflags &= ~(VM_MASK | IF_MASK | RF_MASK);
    load_flat_segments(env, env->sysenter_cs, long_mode ? DESC_L_MASK : DESC_B_MASK);
    env->regs[R_ESP] = long_mode ? env->sysenter_esp : (uint32_t)env->sysenter_esp;
    env->eip = long_mode ? env->sysenter_eip : (uint32_t)env->sysenter_eip;
}
