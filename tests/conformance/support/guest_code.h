// SPDX-License-Identifier: GPL-2.0-or-later
//
// Guest code written beside the check that runs it, in the manuals' syntax, assembled with the test
// program. It runs at another address than the one it is linked to: name other places by number
// (`mov edx, 0x2000; call rdx`), local ones by numeric labels (`jmp 1b`).
#pragma once

#include <cstddef>
#include <span>

#define HVLAB_GUEST_CODE(bits, text)                                          \
    ([]() -> std::span<const std::byte> {                                     \
        const std::byte* guest_code_begin;                                    \
        const std::byte* guest_code_end;                                      \
        asm(".pushsection .rodata.hvlab_guest, \"a\", @progbits\n.code" #bits \
            "\n.intel_syntax noprefix\n7770:\n" text                          \
            "\n7771:\n.att_syntax prefix\n.code64\n.popsection\n"             \
            "lea 7770b(%%rip), %0\nlea 7771b(%%rip), %1"                      \
            : "=r"(guest_code_begin), "=r"(guest_code_end));                  \
        return {guest_code_begin, guest_code_end};                            \
    }())

#define CODE16(text) HVLAB_GUEST_CODE(16, text)
#define CODE32(text) HVLAB_GUEST_CODE(32, text)
#define CODE64(text) HVLAB_GUEST_CODE(64, text)
