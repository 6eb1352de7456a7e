/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine as the backend sees it: guest memory, and one object for each vCPU. Plain C; nothing of
 * Unicorn's or QEMU's own interfaces shows through. See docs/design/engine.md.
 *
 * Threads: everything that belongs to one vmm_memory is used by one thread at a time, except vmm_kick(),
 * which any thread may call. Addresses called `address` are guest-physical.
 */
#ifndef HVLAB_ENGINE_VMM_H
#define HVLAB_ENGINE_VMM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMM_MAX_CPUS 8
#define VMM_UNLIMITED UINT64_MAX
#define VMM_FAULT_STORM 65536

struct vmm;
struct vmm_memory;

/* ---- Guest memory, shared by the vCPUs of one guest. Functions that can fail return 0 or an errno. ---- */

struct vmm_memory *vmm_memory_create(void); /* NULL: out of memory */
void vmm_memory_destroy(struct vmm_memory *memory); /* after its vCPUs */

/*
 * Page-aligned. EEXIST: overlaps what is mapped. Stores to what is not writable go to memory_write().
 * `host` may lie in what is mapped elsewhere already, as a whole (else EINVAL). That region can be unmapped
 * after its aliases only (EBUSY); the dirty log and memory_write() name its addresses.
 */
int vmm_memory_map(struct vmm_memory *memory, uint64_t address, uint64_t size, void *host, bool writable);
/* A whole mapping as it was mapped; ENOENT for anything else. */
int vmm_memory_unmap(struct vmm_memory *memory, uint64_t address, uint64_t size);

/* The dirty log: pages that the guest wrote, page walks' accessed and dirty bits included, since logging began
 * or since the last fetch. `page` is called with page numbers in ascending order. */
int vmm_memory_set_logging(struct vmm_memory *memory, bool enabled);
void vmm_memory_fetch_dirty(struct vmm_memory *memory, void (*page)(void *opaque, uint64_t page_number),
                            void *opaque);

/* The host changed [address, address + size): translations of it must go. Not entered into the log. */
void vmm_memory_host_wrote(struct vmm_memory *memory, uint64_t address, uint64_t size);

/* ---- A vCPU ---- */

/* Called in the thread that runs the vCPU, from inside generated code: nothing may unwind through them. */
struct vmm_callbacks {
    uint32_t (*port_read)(void *opaque, uint16_t port, unsigned size);
    void (*port_write)(void *opaque, uint16_t port, unsigned size, uint32_t value);
    /* Where nothing is mapped, 1 to 8 bytes, never across a page. */
    uint64_t (*memory_read)(void *opaque, uint64_t address, unsigned size);
    void (*memory_write)(void *opaque, uint64_t address, unsigned size, uint64_t value);
    int (*acknowledge_interrupt)(void *opaque); /* the vector, -1: the request is gone */
    uint64_t (*time_stamp)(void *opaque);
    uint64_t (*random)(void *opaque);
    /* MSRs that struct vmm_state does not carry. False: #GP(0). */
    bool (*msr_read)(void *opaque, uint32_t index, uint64_t *value);
    bool (*msr_write)(void *opaque, uint32_t index, uint64_t value);
    /* EAX, EBX, ECX, EDX of a leaf, OSXSAVE aside. Asked for at creation too, and must not change. */
    void (*cpuid)(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
};

/* The bits of the CPUID feature words that translated code honours: of leaf 1 ECX and EDX, 7 EBX, ECX and EDX
 * (subleaf 0), 80000001h ECX and EDX; 0 for other words. `reg` is 0 to 3 for EAX to EDX. */
uint32_t vmm_supported_features(uint32_t leaf, unsigned reg);

/* NULL and *error: ENOSPC when the memory has VMM_MAX_CPUS vCPUs, else ENOMEM. */
struct vmm *vmm_create(struct vmm_memory *memory, const struct vmm_callbacks *callbacks, void *opaque,
                       int *error);
void vmm_destroy(struct vmm *vmm);

enum vmm_exit {
    VMM_EXIT_BUDGET,
    VMM_EXIT_KICKED,
    VMM_EXIT_STOPPED,      /* vmm_request_stop() */
    VMM_EXIT_HALTED,       /* HLT and nothing to wake it; RIP is past it */
    VMM_EXIT_TRIPLE_FAULT, /* for ever, until a state is set */
    VMM_EXIT_FETCH_FAULT,  /* instruction fetch from vmm_fault_address() */
    VMM_EXIT_FAULT_STORM,  /* VMM_FAULT_STORM exceptions in a row without an instruction between them */
};

/* Runs at most `budget` instructions, and exactly as many unless it returns for another reason. */
enum vmm_exit vmm_run(struct vmm *vmm, uint64_t budget);
uint64_t vmm_fault_address(const struct vmm *vmm);

void vmm_kick(struct vmm *vmm);         /* any thread; never lost */
void vmm_request_stop(struct vmm *vmm); /* from a callback */

/* Retired instructions: one instruction or one REP iteration each; one that faults does not count. In a
 * callback, without the instruction that makes the call. */
uint64_t vmm_retired(const struct vmm *vmm);
void vmm_set_retired(struct vmm *vmm, uint64_t count); /* outside vmm_run() */
/* From a callback: vmm_run() is to return at that count; after this instruction at the earliest. */
void vmm_set_budget_end(struct vmm *vmm, uint64_t count);

/* Outside vmm_run() or from a callback. INTR is a level, NMI an edge. */
void vmm_set_interrupt_line(struct vmm *vmm, bool asserted);
void vmm_raise_nmi(struct vmm *vmm);
bool vmm_interrupt_window(const struct vmm *vmm); /* outside vmm_run() */

void vmm_flush_translations(struct vmm *vmm); /* outside vmm_run() */

/* ---- The architectural state, outside vmm_run() ---- */

struct vmm_segment {
    uint64_t base;
    uint32_t limit; /* in bytes */
    uint16_t selector;
    uint32_t flags; /* bits 8-23 of the descriptor's second word: type, S, DPL, P, (limit), AVL, L, D/B, G */
};

struct vmm_table {
    uint64_t base;
    uint16_t limit;
};

enum { VMM_ES, VMM_CS, VMM_SS, VMM_DS, VMM_FS, VMM_GS, VMM_SEGMENTS };

struct vmm_state {
    uint64_t gpr[16]; /* in the order of the encoding: RAX RCX RDX RBX RSP RBP RSI RDI R8... */
    uint64_t rip;
    uint64_t rflags;
    struct vmm_segment segment[VMM_SEGMENTS];
    struct vmm_segment ldtr, tr;
    struct vmm_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t dr[4], dr6, dr7;

    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, tsc_aux, tsc_offset, misc_enable;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_phys_base[8], mtrr_phys_mask[8];

    /* x87 and SSE as in the FXSAVE image; `ftw` abridged, `st` by stack position. */
    uint16_t fcw, fsw, fop;
    uint8_t ftw;
    uint64_t fip, fdp;
    uint8_t st[8][10];
    uint64_t xmm[16][2];
    uint32_t mxcsr;

    bool exception_pending;
    uint8_t exception_vector;
    uint32_t exception_error_code;

    bool nmi_pending;
    bool nmi_blocked;
    bool shadow_sti;
    bool shadow_mov_ss;
    bool halted;
};

/* The bits of CR4 and EFER that the core knows the meaning of. */
uint64_t vmm_representable_cr4(void);
uint64_t vmm_representable_efer(void);

void vmm_get_state(const struct vmm *vmm, struct vmm_state *state);
void vmm_set_state(struct vmm *vmm, const struct vmm_state *state);

#ifdef __cplusplus
}
#endif
#endif
