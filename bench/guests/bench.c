/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bench [NAME...]: loops in a Linux guest, each between the lines `bench NAME start` and `bench
 * NAME end` on the console, so that whoever runs the guest can take its own processor time in
 * between. Freestanding: nothing but this code and the kernel is measured. Each loop takes half a
 * second or more under QEMU's TCG and prints, behind `end`, a number that depends on everything
 * it computed.
 */

typedef unsigned long u64;
typedef unsigned char u8;

enum {
    SYS_write = 1,
    SYS_mmap = 9,
    SYS_munmap = 11,
    SYS_ioctl = 16,
    SYS_fork = 57,
    SYS_exit = 60,
    SYS_wait4 = 61,
    SYS_getppid = 110,
};

#define ALU_STEPS 320000000UL
#define MEMORY_PASSES 24000UL
#define SYSTEM_CALLS 1600000UL
#define FAULT_ROUNDS 192UL
#define FAULT_PAGES 512UL
#define FORKS 2000UL

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void fail(const char* what);

static u64 length(const char* text) {
    u64 n = 0;
    while (text[n]) n++;
    return n;
}

static void put(const char* text) {
    u64 left = length(text);
    while (left) {
        long n = system_call(SYS_write, 1, (long)text, (long)left, 0, 0, 0);
        if (n <= 0) system_call(SYS_exit, 3, 0, 0, 0, 0, 0);
        text += n;
        left -= (u64)n;
    }
}

static void fail(const char* what) {
    put("bench failed: ");
    put(what);
    put("\n");
    system_call(SYS_exit, 1, 0, 0, 0, 0, 0);
}

/* Waits until the terminal has sent everything: output must not run on into a loop. */
static void drain(void) {
    system_call(SYS_ioctl, 1, 0x5409 /* TCSBRK */, 1, 0, 0, 0);
}

static void put_hex(u64 value) {
    char digits[17];
    for (int i = 15; i >= 0; i--, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
    digits[16] = 0;
    put(digits);
}

static u64 alu(void) {
    u64 a = 1, b = 88172645463325252UL;
    for (u64 i = 0; i < ALU_STEPS; i++) {
        a = a * 6364136223846793005UL + 1442695040888963407UL;
        b ^= b << 13;
        b ^= b >> 7;
        b ^= b << 17;
    }
    return a ^ b;
}

/* Reads and writes 64 KiB, over and over, with a stride that no vectoriser can use. */
static u64 memory(void) {
    static volatile u64 cells[8192];
    u64 sum = 0;
    for (u64 pass = 0; pass < MEMORY_PASSES; pass++)
        for (u64 i = 0; i < 8192; i++) {
            u64 at = (i * 129 + pass) & 8191;
            cells[at] = cells[i] + pass;
            sum += cells[at];
        }
    return sum;
}

static u64 system_calls(void) {
    u64 sum = 0;
    for (u64 i = 0; i < SYSTEM_CALLS; i++) sum += (u64)system_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
    return sum;
}

static u64 page_faults(void) {
    u64 sum = 0;
    for (u64 round = 0; round < FAULT_ROUNDS; round++) {
        u64 bytes = FAULT_PAGES * 4096;
        long area = system_call(SYS_mmap, 0, (long)bytes, 3, 0x22, -1, 0);
        if (area < 0 && area > -4096) fail("mmap");
        volatile u8* pages = (volatile u8*)area;
        for (u64 i = 0; i < FAULT_PAGES; i++) {
            pages[i * 4096] = (u8)(i + 1);
            sum += pages[i * 4096 + 1] + pages[i * 4096];
        }
        if (system_call(SYS_munmap, area, (long)bytes, 0, 0, 0, 0) != 0) fail("munmap");
    }
    return sum;
}

static u64 forks(void) {
    u64 sum = 0;
    for (u64 i = 0; i < FORKS; i++) {
        int status = 0;
        long child = system_call(SYS_fork, 0, 0, 0, 0, 0, 0);
        if (child == 0) system_call(SYS_exit, (long)(i & 0x7f), 0, 0, 0, 0, 0);
        if (child < 0 || system_call(SYS_wait4, child, (long)&status, 0, 0, 0, 0) != child)
            fail("fork");
        sum += (u64)status >> 8;
    }
    return sum;
}

static const struct {
    const char* name;
    u64 (*run)(void);
} loops[] = {
    {"alu", alu},    {"memory", memory}, {"syscall", system_calls}, {"pagefault", page_faults},
    {"fork", forks},
};

static int same(const char* a, const char* b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static void run(u64 i) {
    put("bench ");
    put(loops[i].name);
    put(" start\n");
    drain();
    u64 result = loops[i].run();
    put("bench ");
    put(loops[i].name);
    put(" end ");
    put_hex(result);
    put("\n");
    drain();
}

/* argc and argv lie on the stack where the kernel put them (System V ABI, AMD64 supplement,
 * s. 3.4.1). */
__attribute__((used)) static void start(const long* stack) {
    long argc = stack[0];
    const char* const* argv = (const char* const*)(stack + 1);
    for (u64 i = 0; i < sizeof loops / sizeof *loops; i++) {
        int wanted = argc < 2;
        for (long j = 1; j < argc; j++) wanted |= same(argv[j], loops[i].name);
        if (wanted) run(i);
    }
    system_call(SYS_exit, 0, 0, 0, 0, 0, 0);
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "    xor %ebp, %ebp\n"
    "    mov %rsp, %rdi\n"
    "    and $-16, %rsp\n"
    "    call start\n");
