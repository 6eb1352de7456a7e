# SPDX-License-Identifier: GPL-2.0-or-later
#
# A long-mode guest that does, over and over, what makes exact counting and precise exits hard. Runs at
# 0x1000; memory map and descriptor tables are support/modes.cpp's. R15 counts the rounds.
    .code64
    .set MMIO, 0xFE000000       # nothing is mapped there
    .set BUFFER, 0x50000
    .set COUNTERS, 0x44000
    .set DEMAND, 0x180000       # mapped by the page-fault handler, unmapped by the interrupt handler
    .set ALIAS, 0x190000        # the page of `patched`, at another address
    .set PAGE_TABLE, 0x13000
    .set KERNEL_STACK, 0x80000
    .set USER_STACK, 0x90000

    .globl _start
_start:
    jmp main
    .org 0x10                   # what support/nasty_guest.cpp puts into the IDT
    .quad page_fault, interrupt, undefined, skip_two, return, debug, nmi
    .quad system_call           # LSTAR

main:
    xor %r15d, %r15d
round:
    inc %r15

    # Memory-mapped I/O in the middle of a block: read, write (which may raise INTR), read-modify-write,
    # unaligned, by a string instruction.
    mov $MMIO, %edi
    mov (%rdi), %eax
    add %rax, %r8
    mov %r15, (%rdi)
    imul $3, %r8, %r8
    incl 8(%rdi)
    movzwl 5(%rdi), %ecx
    add %rcx, %r9
    lea 16(%rdi), %rsi
    mov $BUFFER, %edi
    mov $3, %ecx
    rep movsl

    # Strings: over pages, backwards, with a condition, with nothing to do.
    mov $BUFFER, %esi
    mov $BUFFER + 0xFF0, %edi
    mov $37, %ecx
    rep movsb
    mov $BUFFER + 0xFF0, %esi
    mov $BUFFER + 0x2003, %edi
    mov $9, %ecx
    repe cmpsb
    pushf
    pop %r10
    add %rcx, %r10
    std
    mov $BUFFER + 0x3006, %edi
    mov $11, %ecx
    mov %r15d, %eax
    rep stosw
    cld
    xor %ecx, %ecx
    rep movsq
    mov $BUFFER + 0x2000, %edi
    mov $20, %ecx
    mov %r15b, %al
    repne scasb
    add %rcx, %r10

    # Ports, singly and by string instructions; INS writes over a page boundary.
    mov $0x55, %al
    out %al, $0x80
    inc %r11
    in $0x60, %al
    add %rax, %r9
    mov $0x61, %edx
    mov $BUFFER, %esi
    mov $5, %ecx
    rep outsb
    mov $BUFFER + 0x1FFE, %edi
    mov $3, %ecx
    rep insw
    out %eax, $0x84             # arms a deadline close by

    # Interrupt shadows. A request may be pending already.
    lea 1f(%rip), %rax
    push %rax
    sti
    ret
1:  add $1, %r12
    mov %ss, %eax
    mov %eax, %ss
    add $2, %r12
    cli
    sti
    nop
    pause

    # Page faults: a store, a store over two pages, a string, an exchange.
    mov %r15, DEMAND + 0x10
    incq DEMAND + 0x1FFD
    mov $BUFFER, %esi
    mov $DEMAND + 0x3FFA, %edi
    mov $4, %ecx
    rep movsl
    xchg %r12, DEMAND + 0x6000
    add DEMAND + 0x6000, %r12
    cli

    # Faults that do not retire, and traps that do.
    ud2
    mov $0x12345, %ecx
    rdmsr                       # there is no such register
    int $0x77                   # its gate is not present
    int $0x80
    pushf
    orl $0x100, (%rsp)
    popf                        # single-stepping from the next instruction on
    add $5, %r13
    add $7, %r13
    nop                         # the third trap ends it

    # Code that changes itself: the next instruction, one in another page through an alias, one that an
    # unaligned read-modify-write reaches.
    mov %r15d, own + 1(%rip)
own:
    mov $0x11223344, %eax
    add %rax, %r14
    lea 0(%r15, %r15, 2), %eax
    mov %eax, ALIAS + (patched - page) + 1
    call patched
    addl $0x10000, far - 1(%rip)
far:
    mov $0, %eax
    add %rax, %r14

    # Time and chance.
    rdtsc
    add %rax, %r9
    rdtscp
    add %rax, %r9
    mov $0x10, %ecx
    rdmsr
    xor %rax, %r9
    rdrand %rax
    rdseed %rdx
    add %rdx, %rax
    xor %rax, %r14
    xor %eax, %eax
    cpuid
    add %rbx, %r14

    # The other register files.
    movups BUFFER + 8, %xmm0
    movups %xmm0, BUFFER + 0xFF8
    mov %r15d, BUFFER + 0x80
    fildl BUFFER + 0x80
    fldpi
    fmulp
    fstpt BUFFER + 0x90
    mov %cr3, %rax
    mov %rax, %cr3

    # To user mode and back.
    mov $user, %ecx
    mov $0x202, %r11d
    mov $USER_STACK, %esp
    sysretq
kernel_again:

    test $15, %r15d
    jnz 2f
    sti
    hlt                         # support/nasty_guest.cpp raises INTR then
    cli
2:  lea 0x3(%r15, %r14, 4), %rbp
    mov %r14, 0x45000(, %r15, 8)
    and $0xff, %r15d
    jmp round

user:
    incl COUNTERS
    in $0x60, %al               # no permission: skip_two
    add %rax, %r14
    rdtsc
    add %rax, %r9
    syscall

system_call:
    mov $KERNEL_STACK, %esp
    add %rcx, %r9
    add %r11, %r9
    jmp kernel_again

page_fault:
    push %rax
    push %rbx
    mov %cr2, %rax
    incq COUNTERS + 8
    shr $12, %rax
    mov %eax, %ebx
    shl $12, %ebx
    or $7, %ebx
    mov %rbx, PAGE_TABLE(, %rax, 8)
    testb $3, COUNTERS + 8
    jnz 1f
    movq $0, PAGE_TABLE + (DEMAND >> 9) + 8     # and take another away again
    invlpg DEMAND + 0x1000
1:  pop %rbx
    pop %rax
    add $8, %rsp
    iretq

interrupt:
    incq COUNTERS + 16
    test $1, %r15
    jz 1f
    movq $0, PAGE_TABLE + (DEMAND >> 9)
    invlpg DEMAND
    movq $0, PAGE_TABLE + (DEMAND >> 9) + 0x30
    invlpg DEMAND + 0x6000
1:  iretq

nmi:
    incq COUNTERS + 24
    iretq

debug:
    incq COUNTERS + 32
    testb $3, COUNTERS + 32
    jnz 1f
    andl $~0x100, 16(%rsp)
    incq COUNTERS + 32
1:  iretq

undefined:
    incq COUNTERS + 40
    addq $2, (%rsp)
    iretq

skip_two:                       # with an error code
    incq COUNTERS + 48
    add $8, %rsp
    addq $2, (%rsp)
    iretq

return:
    incq COUNTERS + 56
    iretq

    .balign 0x1000
page:
    .skip 0x123
patched:
    mov $0, %eax
    add %rax, %r14
    ret
