/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory: the map, who has translations of what, and the dirty log.
 *
 * Stores run at full speed through the soft TLB unless we have to hear of them: because the page holds
 * translated code of some vCPU, or because it is logged and still clean. `code` and `dirty` say so; `fast`
 * remembers the pages for which some TLB entry was filled without that need, so that only those have to be
 * looked for in the TLBs when it arises.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cputlb.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "accel/tcg/translate-all.h"
#include "uc_priv.h"

#include "vmm_internal.h"

static struct vmm_region *find_region(const struct vmm_memory *memory, uint64_t address)
{
    struct vmm_region *largest = memory->largest;
    unsigned i;

    if (largest && address - largest->start < largest->size) {
        return largest;
    }
    for (i = 0; i < memory->count; i++) {
        struct vmm_region *region = &memory->regions[i];
        if (address - region->start < region->size) {
            return region;
        }
    }
    return NULL;
}

/* The region that keeps the books of what is at *address, which becomes the address there. */
static struct vmm_region *find_books(const struct vmm_memory *memory, uint64_t *address)
{
    struct vmm_region *region = find_region(memory, *address);

    if (region && region->alias) {
        *address = region->books + (*address - region->start);
        region = find_region(memory, *address);
    }
    return region;
}

static uint64_t page_of(const struct vmm_region *region, uint64_t address)
{
    return (address - region->start) >> VMM_PAGE_SHIFT;
}

static uint64_t page_count(const struct vmm_region *region)
{
    return region->size >> VMM_PAGE_SHIFT;
}

static void find_largest(struct vmm_memory *memory)
{
    unsigned i;

    memory->largest = NULL;
    for (i = 0; i < memory->count; i++) {
        if (!memory->largest || memory->regions[i].size > memory->largest->size) {
            memory->largest = &memory->regions[i];
        }
    }
}

static void free_region(struct vmm_region *region)
{
    free(region->code);
    free(region->fast);
    free(region->dirty);
}

static void flush_tlbs(struct vmm_memory *memory)
{
    unsigned i;

    for (i = 0; i < VMM_MAX_CPUS; i++) {
        if (memory->cpus[i]) {
            tlb_flush(memory->cpus[i]->uc->cpu);
        }
    }
}

struct vmm_memory *vmm_memory_create(void)
{
    return calloc(1, sizeof(struct vmm_memory));
}

void vmm_memory_destroy(struct vmm_memory *memory)
{
    unsigned i;

    for (i = 0; i < memory->count; i++) {
        free_region(&memory->regions[i]);
    }
    free(memory->regions);
    free(memory);
}

static bool valid_range(uint64_t address, uint64_t size)
{
    return size > 0 && ((address | size) & (VMM_PAGE_SIZE - 1)) == 0 && address + size - 1 >= address;
}

/* Makes an alias of a region whose host memory is mapped already. False if only a part of it is. */
static bool join_books(const struct vmm_memory *memory, struct vmm_region *region)
{
    unsigned i;

    for (i = 0; i < memory->count; i++) {
        const struct vmm_region *other = &memory->regions[i];
        uint64_t into = region->host - other->host;
        if (other->alias) {
            continue;
        }
        if (into < other->size) {
            region->alias = true;
            region->books = other->start + into;
            return region->size <= other->size - into;
        }
        if (-into < region->size) {
            return false;
        }
    }
    return true;
}

static bool allocate_books(const struct vmm_memory *memory, struct vmm_region *region)
{
    region->code = calloc(page_count(region), 1);
    region->fast = calloc(page_count(region), 1);
    region->dirty = memory->logging ? calloc(page_count(region), 1) : NULL;
    return region->code && region->fast && (!memory->logging || region->dirty);
}

int vmm_memory_map(struct vmm_memory *memory, uint64_t address, uint64_t size, void *host, bool writable)
{
    struct vmm_region region = {
        .start = address, .size = size, .host = host, .writable = writable, .books = address,
    };
    struct vmm_region *regions;
    unsigned at = 0;

    if (!valid_range(address, size)) {
        return EINVAL;
    }
    while (at < memory->count && memory->regions[at].start < address) {
        at++;
    }
    if ((at > 0 && address - memory->regions[at - 1].start < memory->regions[at - 1].size) ||
        (at < memory->count && memory->regions[at].start - address < size)) {
        return EEXIST;
    }
    if (!join_books(memory, &region)) {
        return EINVAL;
    }
    regions = realloc(memory->regions, (memory->count + 1) * sizeof(*regions));
    if (!regions) {
        return ENOMEM;
    }
    memory->regions = regions;
    find_largest(memory); /* they may have moved */
    if (!region.alias && !allocate_books(memory, &region)) {
        free_region(&region);
        return ENOMEM;
    }
    memmove(&regions[at + 1], &regions[at], (memory->count - at) * sizeof(*regions));
    regions[at] = region;
    memory->count++;
    find_largest(memory);
    flush_tlbs(memory); /* entries that said "nothing there" */
    return 0;
}

int vmm_memory_unmap(struct vmm_memory *memory, uint64_t address, uint64_t size)
{
    struct vmm_region *region = find_region(memory, address);
    unsigned i;

    if (!region || region->start != address || region->size != size) {
        return ENOENT;
    }
    for (i = 0; i < memory->count; i++) {
        if (memory->regions[i].alias && memory->regions[i].books - address < size) {
            return EBUSY;
        }
    }
    if (!region->alias) {
        vmm_memory_host_wrote(memory, address, size);
    }
    free_region(region);
    memory->count--;
    memmove(region, region + 1, (memory->count - (region - memory->regions)) * sizeof(*region));
    find_largest(memory);
    flush_tlbs(memory);
    return 0;
}

/* ---- Lookups and accesses ---- */

struct vmm_page vmm_page(const struct vmm *vmm, uint64_t address)
{
    const struct vmm_region *region = find_region(vmm->memory, address);
    struct vmm_page page = { NULL, address, false };

    if (region) {
        page.host = region->host + (address - region->start);
        page.address = region->books + (address - region->start);
        page.writable = region->writable;
    }
    return page;
}

uint64_t vmm_memory_read(struct vmm *vmm, uint64_t address, unsigned size)
{
    uint64_t value = vmm->callbacks.memory_read(vmm->opaque, address, size);

    vmm->in_flight = 0;
    /* Translated code relies on it: a rotation by a multiple of its width took flags of the rest. */
    return size < 8 ? value & ((UINT64_C(1) << (size * 8)) - 1) : value;
}

void vmm_memory_write(struct vmm *vmm, uint64_t address, unsigned size, uint64_t value)
{
    if (size < 8) {
        value &= (UINT64_C(1) << (size * 8)) - 1;
    }
    vmm->callbacks.memory_write(vmm->opaque, address, size, value);
    vmm->in_flight = 0;
}

uint64_t vmm_phys_read_slow(const struct vmm *vmm, uint64_t address, unsigned size)
{
    const struct vmm_region *region = find_region(vmm->memory, address);
    uint64_t value = 0;

    if (!region || region->size - (address - region->start) < size) {
        return UINT64_MAX >> (64 - size * 8);
    }
    memcpy(&value, region->host + (address - region->start), size);
    return value;
}

static void invalidate(struct vmm *vmm, uint64_t address, uint64_t size)
{
    tb_invalidate_phys_range(vmm->uc, address, address + size);
}

void vmm_phys_write(struct vmm *vmm, uint64_t address, unsigned size, uint64_t value)
{
    struct vmm_memory *memory = vmm->memory;
    struct vmm_region *region = find_region(memory, address);
    unsigned i;
    uint64_t page;

    if (!region || !region->writable || region->size - (address - region->start) < size) {
        return;
    }
    region = find_books(memory, &address);
    page = page_of(region, address);
    if (region->dirty) {
        region->dirty[page] = 1;
    }
    for (i = 0; region->code[page] && i < VMM_MAX_CPUS; i++) {
        if (region->code[page] >> i & 1) {
            invalidate(memory->cpus[i], address, size);
        }
    }
    memcpy(region->host + (address - region->start), &value, size);
}

/* ---- Stores that we hear of ---- */

bool vmm_allow_fast_stores(struct vmm *vmm, uint64_t address)
{
    struct vmm_region *region = find_region(vmm->memory, address);
    uint64_t page = page_of(region, address);

    if (region->code[page] || (region->dirty && !region->dirty[page])) {
        return false;
    }
    region->fast[page] = 1;
    return true;
}

/* The engine looks at the 8-byte group that a store begins in only. */
static void invalidate_by_store(struct vmm *vmm, uint64_t address, unsigned size, uintptr_t retaddr)
{
    uint64_t end = address + size;

    while (address < end) {
        uint64_t next = MIN(end, (address | 7) + 1);
        tb_invalidate_phys_page_fast(vmm->uc, NULL, address, next - address, retaddr);
        address = next;
    }
}

void vmm_store_begin(CPUState *cpu, uint64_t address, unsigned size, uintptr_t retaddr)
{
    struct vmm *vmm = cpu->uc->vmm;
    struct vmm_memory *memory = vmm->memory;
    struct vmm_region *region = find_region(memory, address);
    uint64_t page = page_of(region, address);
    unsigned i;

    if (region->dirty) {
        region->dirty[page] = 1;
    }
    for (i = 0; i < VMM_MAX_CPUS; i++) {
        if (i != vmm->index && (region->code[page] >> i & 1)) {
            invalidate(memory->cpus[i], address, size);
        }
    }
    /* Ours last: it does not return if the running block is hit. */
    if (region->code[page] >> vmm->index & 1) {
        invalidate_by_store(vmm, address, size, retaddr);
    }
}

/* Every TLB that may pass stores to these pages unheard is told to stop that. */
static void end_fast_stores(struct vmm_memory *memory, const struct vmm_region *region, uint64_t offset,
                            uint64_t size)
{
    unsigned i;

    for (i = 0; i < VMM_MAX_CPUS; i++) {
        if (memory->cpus[i]) {
            tlb_reset_dirty(memory->cpus[i]->uc->cpu, (uintptr_t)region->host + offset, size);
        }
    }
}

void vmm_protect_code(struct vmm *vmm, uint64_t address)
{
    struct vmm_region *region = find_region(vmm->memory, address);
    uint64_t page = page_of(region, address);

    region->code[page] |= 1u << vmm->index;
    if (region->fast[page]) {
        region->fast[page] = 0;
        end_fast_stores(vmm->memory, region, page << VMM_PAGE_SHIFT, VMM_PAGE_SIZE);
    }
}

void vmm_unprotect_code(struct vmm *vmm, uint64_t address)
{
    struct vmm_region *region = find_region(vmm->memory, address);

    region->code[page_of(region, address)] &= ~(1u << vmm->index);
}

void vmm_memory_host_wrote(struct vmm_memory *memory, uint64_t address, uint64_t size)
{
    uint64_t end = address + size;

    while (address < end) {
        uint64_t next = MIN(end, (address | (VMM_PAGE_SIZE - 1)) + 1);
        uint64_t known = address;
        struct vmm_region *region = find_books(memory, &known);
        unsigned i;

        for (i = 0; region && i < VMM_MAX_CPUS; i++) {
            if (region->code[page_of(region, known)] >> i & 1) {
                invalidate(memory->cpus[i], known, next - address);
            }
        }
        address = next;
    }
}

/* ---- The dirty log ---- */

static void begin_logging(struct vmm_memory *memory, struct vmm_region *region)
{
    memset(region->dirty, 0, page_count(region));
    memset(region->fast, 0, page_count(region));
    end_fast_stores(memory, region, 0, region->size);
}

int vmm_memory_set_logging(struct vmm_memory *memory, bool enabled)
{
    unsigned i;

    for (i = 0; i < memory->count; i++) {
        struct vmm_region *region = &memory->regions[i];
        if (region->alias) {
            continue;
        }
        if (enabled && !region->dirty && !(region->dirty = malloc(page_count(region)))) {
            return ENOMEM; /* those that have a log keep it unused until the next attempt */
        }
        if (!enabled) {
            free(region->dirty);
            region->dirty = NULL;
        }
    }
    memory->logging = enabled;
    for (i = 0; enabled && i < memory->count; i++) {
        if (!memory->regions[i].alias) {
            begin_logging(memory, &memory->regions[i]);
        }
    }
    return 0;
}

void vmm_memory_fetch_dirty(struct vmm_memory *memory, void (*page)(void *, uint64_t), void *opaque)
{
    unsigned i;
    uint64_t n;

    for (i = 0; memory->logging && i < memory->count; i++) {
        struct vmm_region *region = &memory->regions[i];
        if (region->alias) {
            continue;
        }
        for (n = 0; n < page_count(region); n++) {
            if (region->dirty[n]) {
                page(opaque, (region->start >> VMM_PAGE_SHIFT) + n);
            }
        }
        begin_logging(memory, region);
    }
}

/* ---- May this store succeed? ---- */

void vmm_probe_store(CPUX86State *env, uint64_t address, unsigned size, uintptr_t retaddr)
{
    int mmu_index = cpu_mmu_index(env, false);
    unsigned first = MIN(size, -(address | TARGET_PAGE_MASK));

    probe_access(env, address, first, MMU_DATA_STORE, mmu_index, retaddr);
    if (first < size) {
        probe_access(env, address + first, size - first, MMU_DATA_STORE, mmu_index, retaddr);
    }
}

/* INS, rotations through carry. */
void helper_probe_store(CPUX86State *env, target_ulong address, uint32_t size)
{
    vmm_probe_store(env, address, size, GETPC());
}
