/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What our files share with each other and with the patched files. */
#ifndef HVLAB_ENGINE_VMM_INTERNAL_H
#define HVLAB_ENGINE_VMM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vmm.h"

struct uc_struct;
struct CPUState;
struct CPUX86State;
struct TranslationBlock;

#define VMM_PAGE_SHIFT 12
#define VMM_PAGE_SIZE (UINT64_C(1) << VMM_PAGE_SHIFT)

/*
 * One stretch of guest-physical memory with host memory behind it. The arrays have a byte for each page.
 *
 * The same host memory may be mapped at several addresses. The region that was first keeps the books of all:
 * blocks and the dirty log know its addresses only. The others are aliases and have no arrays.
 */
struct vmm_region {
    uint64_t start, size;
    uint8_t *host;
    bool writable;
    bool alias;
    uint64_t books; /* what `start` is in the region that keeps the books: `start` itself, but for an alias */
    uint8_t *code;  /* bit i: vCPU i has translations of code there */
    uint8_t *fast;  /* some TLB may let stores through without telling us */
    uint8_t *dirty; /* the log; NULL while there is none */
};

struct vmm_memory {
    struct vmm_region *regions; /* ascending, not overlapping */
    unsigned count;
    struct vmm_region *largest; /* of them, looked at first; NULL: there is none */
    bool logging;
    struct vmm *cpus[VMM_MAX_CPUS];
};

struct vmm {
    struct uc_struct *uc;
    struct vmm_memory *memory;
    unsigned index; /* in memory->cpus */
    struct vmm_callbacks callbacks;
    void *opaque;

    /*
     * Counting. The engine counts down the low half of icount_decr from `chunk`; what it took off since then
     * is retired, less `in_flight` while an instruction of it calls us.
     */
    uint64_t retired; /* up to the last refill */
    uint64_t target;  /* vmm_run() leaves there */
    uint32_t chunk;
    uint32_t in_flight;

    int kicked; /* atomic: any thread */
    bool stop;
    bool triple_fault;
    bool fetch_fault;
    uint64_t fault_address;
    /* Exceptions delivered since the last instruction retired, which was when `storm_at` had. A handler that
     * faults at its first instruction retires nothing, so no budget would ever end it. */
    uint32_t storm;
    uint64_t storm_at;
    /* What is in delivery: an INT n instruction; anything else (then a fault on the way has EXT in its error
     * code); a fault (then the saved flags have RF). */
    bool delivering_int_n, delivering_external, delivering_fault;
    int int1_length; /* of the INT1 instruction whose trap is next or in delivery, else 0 */
    uint32_t debug_traps; /* bits of DR6: #DB comes before the next instruction */

    /* The block that ran last and the exit it took, for chaining; NULL: do not chain. */
    struct TranslationBlock *last_tb;
    int last_exit;
};

/* ---- Exported by the patched files ---- */

/* Whether `retaddr` lies in generated code; then *last: its instruction is the last of its block. */
bool tb_position(struct uc_struct *uc, uintptr_t retaddr, bool *last);
struct TranslationBlock *tb_find(struct CPUState *cpu, struct TranslationBlock *last_tb, int tb_exit,
                                 uint32_t cf_mask);
uint64_t cpu_tb_exec(struct CPUState *cpu, struct TranslationBlock *tb);

/* ---- vmm.c: the run loop, counting, events ---- */

/* A callback is about to happen: its instruction must be the last of its block, or it starts again as such
 * (then this does not return). */
void vmm_io_begin(struct CPUState *cpu, uintptr_t retaddr);
/* The fault raised at a block's end by generated code: its instruction did not retire. */
void vmm_uncount(struct vmm *vmm);
/* A trap raised inside a block: its instruction retired, those after it did not. */
void vmm_retire_trap(struct CPUState *cpu, uintptr_t retaddr);
void vmm_fetch_fault(struct CPUState *cpu, uint64_t address, uintptr_t retaddr) __attribute__((noreturn));
void vmm_triple_fault(struct vmm *vmm);
int vmm_acknowledge_interrupt(struct vmm *vmm);
/* #DB after the instruction in execution, with these bits in DR6. */
void vmm_debug_trap(struct vmm *vmm, uint32_t dr6);
/* The #DB about to be raised is INT1's: RIP goes past it, unless its delivery faults. */
void vmm_int1(struct vmm *vmm, int length);
/* An access to a page with a data breakpoint (DR7). May leave, to start the instruction again as the last of its
 * block. */
void vmm_data_access(struct CPUState *cpu, uint64_t address, uint64_t size, bool write, uintptr_t retaddr);

static inline bool vmm_fault_in_delivery(const struct vmm *vmm)
{
    return vmm->delivering_fault;
}

static inline bool vmm_external_in_delivery(const struct vmm *vmm)
{
    return vmm->delivering_external;
}
void vmm_creation_failed(struct vmm *vmm) __attribute__((noreturn));
/* A clock for the soft TLB's sizing that no host influences. */
int64_t vmm_clock(const struct vmm *vmm);

/* ---- vmm_memory.c ---- */

struct vmm_page {
    uint8_t *host;    /* NULL: nothing is mapped */
    uint64_t address; /* by which blocks and the dirty log know it */
    bool writable;
};

struct vmm_page vmm_page(const struct vmm *vmm, uint64_t address);
uint64_t vmm_memory_read(struct vmm *vmm, uint64_t address, unsigned size);
void vmm_memory_write(struct vmm *vmm, uint64_t address, unsigned size, uint64_t value);
/* Page walks. All ones where nothing is mapped; stores there are dropped. */
uint64_t vmm_phys_read_slow(const struct vmm *vmm, uint64_t address, unsigned size);
void vmm_phys_write(struct vmm *vmm, uint64_t address, unsigned size, uint64_t value);

/* May a TLB entry let stores to this page through without telling us? If so, it is remembered that one does. */
bool vmm_allow_fast_stores(struct vmm *vmm, uint64_t address);
/* Before a store that comes through the slow path. May leave, to start the instruction again alone, when it
 * changes code of its own block. */
void vmm_store_begin(struct CPUState *cpu, uint64_t address, unsigned size, uintptr_t retaddr);
/* Raises what a store of at most a page would raise. */
void vmm_probe_store(struct CPUX86State *env, uint64_t address, unsigned size, uintptr_t retaddr);
void vmm_protect_code(struct vmm *vmm, uint64_t address);
void vmm_unprotect_code(struct vmm *vmm, uint64_t address);

static inline uint64_t vmm_phys_read(const struct vmm *vmm, uint64_t address, unsigned size)
{
    /* It holds the page tables of nearly every guest. */
    const struct vmm_region *region = vmm->memory->largest;

    if (region && address - region->start < region->size && region->size - (address - region->start) >= size) {
        uint64_t value = 0;
        memcpy(&value, region->host + (address - region->start), size);
        return value;
    }
    return vmm_phys_read_slow(vmm, address, size);
}

/* ---- vmm_processor.c ---- */

uint32_t vmm_port_read(struct vmm *vmm, uint32_t port, unsigned size);
void vmm_port_write(struct vmm *vmm, uint32_t port, unsigned size, uint32_t value);
uint64_t vmm_time_stamp(struct vmm *vmm);
uint64_t vmm_random(struct vmm *vmm);
void vmm_cpuid(struct CPUX86State *env);
void vmm_load_features(struct vmm *vmm);
/* #GP(0) for what a MOV to a control register must not write. */
void vmm_check_control_register(struct CPUX86State *env, int index, uint64_t value, uintptr_t retaddr);
void vmm_rdmsr(struct CPUX86State *env, uintptr_t retaddr);
void vmm_wrmsr(struct CPUX86State *env, uintptr_t retaddr);
/* An access that is not aligned to 1 << bits, but has to be. */
void vmm_unaligned(struct CPUState *cpu, unsigned bits, uintptr_t retaddr) __attribute__((noreturn));
/* Whether SYSCALL and SYSRET are instructions here; Intel has them in 64-bit mode only. */
bool vmm_has_system_calls(struct CPUX86State *env);
void vmm_syscall(struct CPUX86State *env, int length, uintptr_t retaddr);
void vmm_sysenter(struct CPUX86State *env, uintptr_t retaddr);

#endif
