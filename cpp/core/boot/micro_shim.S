/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel of a micro-guest: what stands between its user mode and the processor's exceptions.
 * Plain integer instructions only, and few of them: where kernel mode is emulated each takes about
 * a microsecond, and many others are not there at all (docs/design/micro-guests.md).
 *
 * Stubs lie 128 bytes apart, by vector. */
#include "micro/abi.h"

/* What the slower ways expect on the stack. */
#define S_RAX 0
#define S_VECTOR 8
#define S_ERROR 16
#define S_RIP 24
#define S_CS 32
#define S_RFLAGS 40
#define S_RSP 48

#define HANDLER(vector) (MICRO_HANDLERS + 8 * (vector))

    .code64
    .section .image, "ax"

/* Into the guest's handler: vector, error code, CR2 and RIP go onto its stack, below what it may
 * still need there. The rest of the frame its own code finds out (start.S). */
.macro UPCALL vector, error=0, check=0
    .if \check                      /* the shim's own can only be these: they are the host's */
    testb $3, (8 * \error + 8)(%rsp)
    jz 1f
    .endif
    cmpq $0, HANDLER(\vector)
    je 1f
    push %rax
    mov (8 * \error + 32)(%rsp), %rax
    sub $(MICRO_RED_ZONE + MICRO_FRAME), %rax
    movq $\vector, (%rax)
    push (8 * \error + 8)(%rsp)
    pop 24(%rax)
    .if \error
    push 8(%rsp)
    pop 8(%rax)
    .endif
    .if \vector == 14
    push %rdx
    mov %cr2, %rdx
    mov %rdx, 16(%rax)
    pop %rdx
    .endif
    mov %rax, (8 * \error + 32)(%rsp)
    mov HANDLER(\vector), %rax
    mov %rax, (8 * \error + 8)(%rsp)
    pop %rax
    .if \error
    add $8, %rsp
    .endif
    iretq
1:
.endm

.macro EXCEPTION vector, error=0, check=0
    .balign 128
    UPCALL \vector, \error, \check
    .if !\error
    push $0
    .endif
    push $\vector
    push %rax
    jmp report
.endm

.macro PROLOGUE vector
    .balign 128
    push $0
    push $\vector
    push %rax
.endm

.macro IRQ_MASTER irq
    PROLOGUE (MICRO_IRQ_VECTOR + \irq)
    mov $(0x60 + \irq), %al         /* specific EOI */
    out %al, $0x20
    incq (MICRO_IRQ_COUNTS + 8 * \irq)
    mov HANDLER(MICRO_IRQ_VECTOR + \irq), %rax
    jmp interrupt
.endm

.macro IRQ_SLAVE irq
    PROLOGUE (MICRO_IRQ_VECTOR + \irq)
    mov $(0x60 + \irq - 8), %al
    out %al, $0xA0
    mov $0x62, %al
    out %al, $0x20
    incq (MICRO_IRQ_COUNTS + 8 * \irq)
    mov HANDLER(MICRO_IRQ_VECTOR + \irq), %rax
    jmp interrupt
.endm

    .globl _start
_start:
    EXCEPTION 0
    PROLOGUE 1                      /* with TF off in the handler: the longer way */
    mov HANDLER(1), %rax
    test %rax, %rax
    jnz upcall
    jmp report
    EXCEPTION 2, 0, 1
    EXCEPTION 3
    EXCEPTION 4
    EXCEPTION 5
    .balign 128
    cmp $MICRO_CALL_USER, %rax
    jae user_call
    cmp $MICRO_CALL_NOTHING, %rax
    jae call
    jmp undefined
    EXCEPTION 7
    .balign 128
    push $8                         /* a double fault: nobody is left to handle it */
    push %rax
    jmp report
    EXCEPTION 9
    EXCEPTION 10, 1
    EXCEPTION 11, 1
    EXCEPTION 12, 1, 1
    EXCEPTION 13, 1, 1
    EXCEPTION 14, 1, 1
    EXCEPTION 15
    EXCEPTION 16
    EXCEPTION 17, 1
    EXCEPTION 18
    EXCEPTION 19
    EXCEPTION 20
    EXCEPTION 21, 1
    EXCEPTION 22
    EXCEPTION 23
    EXCEPTION 24
    EXCEPTION 25
    EXCEPTION 26
    EXCEPTION 27
    EXCEPTION 28
    EXCEPTION 29, 1
    EXCEPTION 30, 1
    EXCEPTION 31
    IRQ_MASTER 0
    IRQ_MASTER 1
    IRQ_MASTER 2
    IRQ_MASTER 3
    IRQ_MASTER 4
    IRQ_MASTER 5
    IRQ_MASTER 6
    IRQ_MASTER 7
    IRQ_SLAVE 8
    IRQ_SLAVE 9
    IRQ_SLAVE 10
    IRQ_SLAVE 11
    IRQ_SLAVE 12
    IRQ_SLAVE 13
    IRQ_SLAVE 14
    IRQ_SLAVE 15
    .balign 128

/* ---- The gate: #UD with a call's number in RAX */

user_call:
    UPCALL MICRO_CALL_VECTOR        /* whether it was UD2 is looked at there */
undefined:
    UPCALL 6
    push $0
    push $6
    push %rax
    jmp report

call:
    cmp $MICRO_CALL_WAIT, %rax
    ja undefined
    addq $2, (%rsp)
    cmp $MICRO_CALL_HOST, %rax
    ja 1f
    je host_call
    iretq
1:  cmp $MICRO_CALL_IRQ_OFF, %rax
    jb irq_on
    je irq_off
    /* Wait. The interrupt that ends it finds what lies at the top of the stack, and drops the rest. */
    xor %eax, %eax
    sti
    hlt
    iretq
irq_on:
    orl $0x200, 16(%rsp)
    iretq
irq_off:
    andl $~0x200, 16(%rsp)
    iretq

host_call:
    mov %rdi, (MICRO_REPORT_RDI)
    mov %rsi, (MICRO_REPORT_RSI)
    mov %rdx, (MICRO_REPORT_RDX)
    mov $MICRO_TELL_CALL, %eax
    mov $MICRO_PORT_REPORT, %edx
    out %eax, %dx
    mov (MICRO_REPORT_RDX), %rdx
    mov (MICRO_REPORT_RESULT), %rax
    iretq

/* ---- Into a handler of the guest's, RAX, with the whole frame: where RFLAGS are to change */

upcall:
    testb $3, S_CS(%rsp)
    jz report
    push %rdx
    push %rcx
    mov (S_RSP + 16)(%rsp), %rdx
    sub $(MICRO_RED_ZONE + MICRO_FRAME), %rdx
    mov (S_RIP + 16)(%rsp), %rcx
    mov %rcx, 24(%rdx)
    mov %rax, (S_RIP + 16)(%rsp)
    mov (S_RSP + 16)(%rsp), %rcx
    mov %rcx, 48(%rdx)
    mov %rdx, (S_RSP + 16)(%rsp)
    mov (S_RFLAGS + 16)(%rsp), %rcx
    mov %rcx, 40(%rdx)
    mov (S_ERROR + 16)(%rsp), %rcx
    mov %rcx, 8(%rdx)
    mov (S_VECTOR + 16)(%rsp), %rcx
    mov %rcx, (%rdx)
    mov %cr2, %rcx
    mov %rcx, 16(%rdx)
    andl $~0x300, (S_RFLAGS + 16)(%rsp) /* TF and IF: neither stepped nor interrupted */
    pop %rcx
    pop %rdx
    pop %rax
    add $16, %rsp
    iretq

/* An interrupt: into its handler, RAX, with interrupts off; or back. */
interrupt:
    testb $3, S_CS(%rsp)
    jnz 1f
    /* During a wait: as if it had come from behind the call. The frame of that is the first on the
     * stack, wherever the processor aligned its own to. */
    push S_VECTOR(%rsp)
    pop (MICRO_KERNEL_STACK - 64 + S_VECTOR)
    mov $(MICRO_KERNEL_STACK - 64), %rsp
    movq $0, S_ERROR(%rsp)
    movq $0, S_RAX(%rsp)
1:  test %rax, %rax
    jnz upcall
leave_restoring:
    pop %rax
    add $16, %rsp
    iretq

/* ---- To the host: an exception that nobody handles, or one of the shim's own */

report:
    mov S_RAX(%rsp), %rax
    mov %rax, (MICRO_REPORT_RAX)
    mov %rdx, (MICRO_REPORT_RDX)
    mov S_VECTOR(%rsp), %rax
    mov %rax, (MICRO_REPORT_VECTOR)
    mov S_ERROR(%rsp), %rax
    mov %rax, (MICRO_REPORT_ERROR)
    mov S_RIP(%rsp), %rax
    mov %rax, (MICRO_REPORT_RIP)
    mov S_CS(%rsp), %rax
    mov %rax, (MICRO_REPORT_CS)
    mov S_RFLAGS(%rsp), %rax
    mov %rax, (MICRO_REPORT_RFLAGS)
    mov S_RSP(%rsp), %rax
    mov %rax, (MICRO_REPORT_RSP)
    mov %cr2, %rax
    mov %rax, (MICRO_REPORT_CR2)
    mov $MICRO_TELL_FAULT, %eax
    mov $MICRO_PORT_REPORT, %edx
    out %eax, %dx
    mov (MICRO_REPORT_RDX), %rdx
    jmp leave_restoring             /* again, should the host let it go on */
