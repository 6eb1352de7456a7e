/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vCPU: creation, the run loop, exact counting, and what ends a run.
 *
 * Every translated block begins by taking its instruction count off icount_decr and leaves, unexecuted, if
 * that becomes negative: because the chunk of instructions that we loaded is used up, or because somebody
 * set the high half to ask for attention. The engine leaves nowhere else, so that a run ends between two
 * instructions always. An instruction that calls us is the last of its block (vmm_io_begin), so that what a
 * callback asks for takes effect right after it.
 *
 * For runs to be the same however they are cut into slices, whatever becomes deliverable must be looked at
 * right then and not only when a slice happens to end. So each instruction that can open the interrupt window
 * (STI, POPF, IRET, ..., and the one after an interrupt shadow) leaves to this loop, each callback that raises
 * a line asks for attention, and the loop delivers all that can be delivered before the next instruction.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/cputlb.h"
#include "tcg/tcg.h"
#include "sysemu/cpus.h"
#include "uc_priv.h"
#include <unicorn/unicorn.h>

#include "vmm_internal.h"

/* Translations of one vCPU; address space, used as code gets translated. A Linux boot takes about 40 MiB. */
#define CODE_BUFFER_SIZE (128u << 20)

/* A chunk is counted down in 16 bits, and up to a block's instructions are added back. */
#define CHUNK_MAX 0xf000u
QEMU_BUILD_BUG_ON(CHUNK_MAX + TCG_MAX_INSNS > 0xffff);

static CPUState *cpu_of(const struct vmm *vmm)
{
    return vmm->uc->cpu;
}

static CPUX86State *env_of(const struct vmm *vmm)
{
    return cpu_of(vmm)->env_ptr;
}

/* ---- Creation ---- */

static bool start_engine(struct vmm *vmm)
{
    struct uc_struct *uc;

    if (uc_open(UC_ARCH_X86, UC_MODE_64, &uc) != UC_ERR_OK) {
        return false;
    }
    vmm->uc = uc;
    uc->vmm = vmm;
    uc->tcg_buffer_size = CODE_BUFFER_SIZE;
    uc->use_exits = 1;          /* and there are none: no address ends a run */
    uc->no_exit_request = true; /* no exit after memory accesses, in the middle of an instruction */
    /* Nothing else is asked for than to initialise. vmm_creation_failed() comes back here. */
    if (sigsetjmp(uc->jmp_bufs[0], 0) != 0 || uc_ctl_flush_tlb(uc) != UC_ERR_OK) {
        free(uc); /* half built: uc_close() would stumble; what it had allocated is lost */
        return false;
    }
    uc->stop_interrupt = NULL; /* #UD is an exception like any other */
    return true;
}

void vmm_creation_failed(struct vmm *vmm)
{
    siglongjmp(vmm->uc->jmp_bufs[0], 1);
}

struct vmm *vmm_create(struct vmm_memory *memory, const struct vmm_callbacks *callbacks, void *opaque,
                       int *error)
{
    struct vmm *vmm;
    unsigned index = 0;

    while (index < VMM_MAX_CPUS && memory->cpus[index]) {
        index++;
    }
    if (index == VMM_MAX_CPUS) {
        *error = ENOSPC;
        return NULL;
    }
    vmm = calloc(1, sizeof(*vmm));
    if (!vmm) {
        *error = ENOMEM;
        return NULL;
    }
    vmm->memory = memory;
    vmm->index = index;
    vmm->callbacks = *callbacks;
    vmm->opaque = opaque;
    if (!start_engine(vmm)) {
        free(vmm);
        *error = ENOMEM;
        return NULL;
    }
    vmm_load_features(vmm);
    memory->cpus[index] = vmm;
    return vmm;
}

void vmm_destroy(struct vmm *vmm)
{
    struct vmm_memory *memory = vmm->memory;
    unsigned i;
    uint64_t page;

    for (i = 0; i < memory->count; i++) {
        struct vmm_region *region = &memory->regions[i];
        for (page = 0; !region->alias && page < region->size >> VMM_PAGE_SHIFT; page++) {
            if (region->code[page]) {
                region->code[page] &= ~(1u << vmm->index);
            }
        }
    }
    memory->cpus[vmm->index] = NULL;
    uc_close(vmm->uc);
    free(vmm);
}

/* ---- Counting ---- */

static uint64_t counted(const struct vmm *vmm)
{
    /* Negative for an instruction that faults after its callback had the chunk loaded anew. */
    return vmm->retired + ((int64_t)vmm->chunk - cpu_of(vmm)->icount_decr_ptr->u16.low);
}

static void settle(struct vmm *vmm)
{
    vmm->retired = counted(vmm);
    vmm->chunk = cpu_of(vmm)->icount_decr_ptr->u16.low;
}

static void refill(struct vmm *vmm)
{
    uint64_t left;

    settle(vmm);
    left = vmm->target > vmm->retired ? vmm->target - vmm->retired : 0;
    vmm->chunk = MIN(left, CHUNK_MAX);
    cpu_of(vmm)->icount_decr_ptr->u16.low = vmm->chunk;
}

uint64_t vmm_retired(const struct vmm *vmm)
{
    return counted(vmm) - vmm->in_flight;
}

void vmm_set_retired(struct vmm *vmm, uint64_t count)
{
    settle(vmm);
    vmm->retired = count;
}

void vmm_set_budget_end(struct vmm *vmm, uint64_t count)
{
    vmm->target = count;
    refill(vmm);
}

int64_t vmm_clock(const struct vmm *vmm)
{
    return vmm->retired; /* one instruction, one nanosecond; a chunk more or less does not matter */
}

void vmm_uncount(struct vmm *vmm)
{
    cpu_of(vmm)->icount_decr_ptr->u16.low++;
}

void vmm_retire_trap(CPUState *cpu, uintptr_t retaddr)
{
    cpu_restore_state(cpu, retaddr, true);
    cpu->icount_decr_ptr->u16.low--;
}

void vmm_io_begin(CPUState *cpu, uintptr_t retaddr)
{
    bool last = false;
    /* Not in generated code: an event in delivery touches memory, between two instructions. */
    bool counted_in = tb_position(cpu->uc, retaddr, &last);

    if (counted_in && !last) {
        cpu_io_recompile(cpu, retaddr);
    }
    cpu->uc->vmm->in_flight = counted_in;
}

/* ---- Asking for attention ---- */

static void ask_for_attention(struct vmm *vmm)
{
    cpu_of(vmm)->icount_decr_ptr->u16.high = -1;
}

void vmm_kick(struct vmm *vmm)
{
    /* A block that is just beginning may overwrite the second of these; the first is looked at by the latest
     * when the chunk is used up. */
    __atomic_store_n(&vmm->kicked, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu_of(vmm)->icount_decr_ptr->u16.high, (uint16_t)-1, __ATOMIC_SEQ_CST);
}

void vmm_request_stop(struct vmm *vmm)
{
    vmm->stop = true;
    ask_for_attention(vmm);
}

void vmm_set_interrupt_line(struct vmm *vmm, bool asserted)
{
    CPUState *cpu = cpu_of(vmm);

    if (asserted) {
        cpu->interrupt_request |= CPU_INTERRUPT_HARD;
        ask_for_attention(vmm);
    } else {
        cpu->interrupt_request &= ~CPU_INTERRUPT_HARD;
    }
}

void vmm_raise_nmi(struct vmm *vmm)
{
    cpu_of(vmm)->interrupt_request |= CPU_INTERRUPT_NMI;
    ask_for_attention(vmm);
}

bool vmm_interrupt_window(const struct vmm *vmm)
{
    const CPUX86State *env = env_of(vmm);

    return (env->eflags & IF_MASK) && !(env->hflags & HF_INHIBIT_IRQ_MASK);
}

int vmm_acknowledge_interrupt(struct vmm *vmm)
{
    int vector = vmm->callbacks.acknowledge_interrupt(vmm->opaque);

    if (vector < 0) {
        cpu_of(vmm)->interrupt_request &= ~CPU_INTERRUPT_HARD;
    }
    return vector;
}

void vmm_triple_fault(struct vmm *vmm)
{
    vmm->triple_fault = true;
}

void vmm_fetch_fault(CPUState *cpu, uint64_t address, uintptr_t retaddr)
{
    struct vmm *vmm = cpu->uc->vmm;

    vmm->fetch_fault = true;
    vmm->fault_address = address;
    cpu->exception_index = -1;
    cpu_loop_exit_restore(cpu, retaddr);
}

uint64_t vmm_fault_address(const struct vmm *vmm)
{
    return vmm->fault_address;
}

void vmm_debug_trap(struct vmm *vmm, uint32_t dr6)
{
    vmm->debug_traps |= dr6;
    ask_for_attention(vmm);
}

void vmm_int1(struct vmm *vmm, int length)
{
    vmm->int1_length = length;
}

void vmm_data_access(CPUState *cpu, uint64_t address, uint64_t size, bool write, uintptr_t retaddr)
{
    uint32_t hit = cpu_x86_data_breakpoints(cpu->env_ptr, address, size, write);

    if (hit) {
        vmm_io_begin(cpu, retaddr);
        cpu->uc->vmm->in_flight = 0;
        vmm_debug_trap(cpu->uc->vmm, hit);
    }
}

void vmm_flush_translations(struct vmm *vmm)
{
    tb_flush(cpu_of(vmm));
}

/* ---- The run loop ---- */

/* Faults but #DB: their saved flags have RF (Intel SDM vol. 3 s. 17.3.1.1). */
#define FAULTS                                                                                                 \
    (1u << EXCP00_DIVZ | 1u << EXCP05_BOUND | 1u << EXCP06_ILLOP | 1u << EXCP07_PREX | 1u << EXCP0A_TSS |      \
     1u << EXCP0B_NOSEG | 1u << EXCP0C_STACK | 1u << EXCP0D_GPF | 1u << EXCP0E_PAGE | 1u << EXCP10_COPR |      \
     1u << EXCP11_ALGN | 1u << 19)

/* What is in delivery; no longer when delivery was left half-way. */
static void set_delivery(struct vmm *vmm, bool int_n, bool external, bool fault)
{
    vmm->delivering_int_n = int_n;
    vmm->delivering_external = external;
    vmm->delivering_fault = fault;
}

/* Delivers what an instruction raised. Delivery may raise again; then it comes back through the loop. */
static void deliver_exception(struct vmm *vmm)
{
    CPUState *cpu = cpu_of(vmm);
    CPUX86State *env = cpu->env_ptr;
    CPUClass *cc = CPU_GET_CLASS(cpu);
    int index = cpu->exception_index;

    if (index >= EXCP_INTERRUPT) { /* EXCP_HLT, or a full code buffer: nothing to deliver */
        cpu->exception_index = -1;
        if (index == EXCP_DEBUG) {
            cc->debug_excp_handler(cpu); /* a breakpoint register: raises #DB */
        }
        return;
    }
    if (counted(vmm) != vmm->storm_at) {
        vmm->storm_at = counted(vmm);
        vmm->storm = 0;
    }
    vmm->storm++;
    if (index == EXCP01_DB) {
        env->dr[6] |= vmm->debug_traps;
        env->dr[7] &= ~DR7_GD;
    }
    vmm->debug_traps = 0; /* an instruction that faults has not accessed anything */
    set_delivery(vmm, env->exception_is_int, !env->exception_is_int,
                 !env->exception_is_int && (FAULTS >> index & 1));
    env->eip += vmm->int1_length;
    cc->do_interrupt(cpu);
    vmm->int1_length = 0;
    set_delivery(vmm, false, false, false);
    cpu->exception_index = -1;
    env->hflags &= ~HF_INHIBIT_IRQ_MASK; /* its instruction is over, one way or the other */
}

/* Whether the run ends here, between two instructions. */
static bool leave(struct vmm *vmm, enum vmm_exit *exit)
{
    CPUState *cpu = cpu_of(vmm);

    /* First clear, then look: whoever asks for attention does it the other way round. */
    __atomic_store_n(&cpu->icount_decr_ptr->u16.high, 0, __ATOMIC_SEQ_CST);
    if (vmm->triple_fault) {
        *exit = VMM_EXIT_TRIPLE_FAULT;
    } else if (vmm->fetch_fault) {
        *exit = VMM_EXIT_FETCH_FAULT;
    } else if (vmm->storm >= VMM_FAULT_STORM) {
        *exit = VMM_EXIT_FAULT_STORM;
    } else if (vmm->stop) {
        *exit = VMM_EXIT_STOPPED;
    } else if (counted(vmm) >= vmm->target) {
        *exit = VMM_EXIT_BUDGET;
    } else if (__atomic_load_n(&vmm->kicked, __ATOMIC_SEQ_CST) &&
               __atomic_exchange_n(&vmm->kicked, 0, __ATOMIC_SEQ_CST)) {
        *exit = VMM_EXIT_KICKED;
    } else if (cpu->halted && !CPU_GET_CLASS(cpu)->has_work(cpu)) {
        *exit = VMM_EXIT_HALTED;
    } else {
        cpu->halted = 0;
        return false;
    }
    return true;
}

/* Delivers an NMI or an external interrupt, if one is due. */
static bool deliver_interrupt(struct vmm *vmm)
{
    CPUState *cpu = cpu_of(vmm);
    bool delivered;

    if (!cpu->interrupt_request) {
        return false;
    }
    set_delivery(vmm, false, true, false);
    delivered = CPU_GET_CLASS(cpu)->cpu_exec_interrupt(cpu, cpu->interrupt_request);
    set_delivery(vmm, false, false, false);
    if (delivered) {
        vmm->last_tb = NULL;
    }
    return delivered;
}

static void run_blocks(struct vmm *vmm)
{
    CPUState *cpu = cpu_of(vmm);
    uint32_t cflags = cpu->cflags_next_tb;
    struct TranslationBlock *tb;
    uint64_t result;

    if (cflags == -1) {
        cflags = curr_cflags();
    }
    cpu->cflags_next_tb = -1;
    tb = tb_find(cpu, vmm->last_tb, vmm->last_exit, cflags);
    result = cpu_tb_exec(cpu, tb);
    tb = (struct TranslationBlock *)(result & ~(uint64_t)TB_EXIT_MASK);
    vmm->last_exit = result & TB_EXIT_MASK;
    vmm->last_tb = vmm->last_exit == TB_EXIT_REQUESTED ? NULL : tb;
    if (vmm->last_exit != TB_EXIT_REQUESTED || cpu->icount_decr_ptr->u16.high) {
        return;
    }
    refill(vmm);
    if (vmm->chunk > 0 && vmm->chunk < tb->icount) {
        cpu->cflags_next_tb = curr_cflags() | vmm->chunk; /* a block of exactly what is left */
    }
}

static enum vmm_exit run_loop(struct vmm *vmm)
{
    CPUState *cpu = cpu_of(vmm);
    enum vmm_exit exit;

    if (sigsetjmp(vmm->uc->jmp_bufs[0], 0) != 0) {
        /* An instruction or a delivery was left half-way; what there is to do stands in exception_index. */
        vmm->last_tb = NULL;
        vmm->in_flight = 0;
        if (vmm->delivering_int_n) { /* then INT n itself has faulted, though its block had counted it */
            vmm_uncount(vmm);
        } else if (vmm->int1_length && vmm->delivering_external) { /* likewise */
            env_of(vmm)->eip -= vmm->int1_length;
            vmm->int1_length = 0;
            vmm_uncount(vmm);
        }
        set_delivery(vmm, false, false, false);
    }
    for (;;) {
        if (vmm->debug_traps && cpu->exception_index < 0) {
            cpu->exception_index = EXCP01_DB;
            env_of(vmm)->exception_is_int = 0;
        }
        while (cpu->exception_index >= 0) {
            vmm->last_tb = NULL;
            deliver_exception(vmm);
        }
        if (leave(vmm, &exit)) {
            return exit;
        }
        if (!deliver_interrupt(vmm)) {
            run_blocks(vmm);
        }
    }
}

enum vmm_exit vmm_run(struct vmm *vmm, uint64_t budget)
{
    CPUState *cpu = cpu_of(vmm);
    CPUClass *cc = CPU_GET_CLASS(cpu);
    enum vmm_exit exit;

    settle(vmm);
    vmm->target = budget > UINT64_MAX - vmm->retired ? VMM_UNLIMITED : vmm->retired + budget;
    refill(vmm);
    if (counted(vmm) >= vmm->target) {
        return VMM_EXIT_BUDGET; /* not even a delivery */
    }
    vmm->stop = false;
    vmm->fetch_fault = false;
    vmm->last_tb = NULL;
    vmm->uc->nested_level = 1; /* jmp_bufs[0] is in use */
    cc->cpu_exec_enter(cpu);
    exit = run_loop(vmm);
    cc->cpu_exec_exit(cpu);
    vmm->uc->nested_level = 0;
    settle(vmm);
    return exit;
}
