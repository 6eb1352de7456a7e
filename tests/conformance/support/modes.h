// SPDX-License-Identifier: GPL-2.0-or-later
//
// The modes of the processor that checks run in: descriptor tables and page tables in guest memory,
// and the state that uses them.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>

#include "core/cpu/cpu_state.h"
#include "tests/conformance/support/ram.h"

namespace hvlab::conformance {

// Where things are in a test guest's memory; linear addresses equal physical ones but for kAlias
// and kTop.
inline constexpr std::uint64_t kRamSize = 2 * kMiB;
inline constexpr GuestAddress kHighRam = 4 * kGiB;  // a second region
inline constexpr std::uint64_t kHighRamSize = 64 * kKiB;
inline constexpr GuestAddress kDevice = 0xFE000000;  // nothing is mapped there
inline constexpr GuestAddress kEntry = 0x1000;       // up to 10000h for code
inline constexpr GuestAddress kPml4 = 0x10000;
inline constexpr GuestAddress kPageTable = 0x13000;  // long mode's, of the first 2 MiB
inline constexpr GuestAddress kGdt = 0x20000;
inline constexpr GuestAddress kIdt = 0x21000;
inline constexpr GuestAddress kTss = 0x22000;
inline constexpr GuestAddress kIdt32 = 0x23000;
inline constexpr GuestAddress kStubs = 0x24000;  // 16 bytes a vector
inline constexpr GuestAddress kTss32 = 0x2C000;
inline constexpr GuestAddress kData = 0x50000;         // up to 70000h
inline constexpr GuestAddress kKernelStack = 0x78000;  // where the TSS points to
inline constexpr GuestAddress kInterruptStack = 0x79000;
inline constexpr GuestAddress kStack = 0x80000;
inline constexpr GuestAddress kNotPresent = 0x180000;  // 16 pages, in each paged mode
inline constexpr GuestAddress kAlias = 0x190000;       // the page 2000h once more, long mode only
inline constexpr std::uint64_t kTop = 0xFFFFFFFFFFFFF000u;  // is 5F000h, long mode only

enum Selector : std::uint16_t {
    kCode32 = 0x08,
    kCode64 = 0x10,
    kData32 = 0x18,
    kUserCode32 = 0x23,
    kUserData = 0x2B,
    kUserCode64 = 0x33,
    kTss64Selector = 0x38,  // two entries
    kCode16 = 0x48,
    kData16 = 0x50,
    kTss32Selector = 0x58,
    kAbsent = 0x60,  // a data segment that is not present
    kSpare = 0x68,   // free for a test
    kGdtLimit = 0x6F,
};

enum class Mode : std::uint8_t {
    kReal,
    kProtected16,
    kProtected32,
    kUser32,         // protected mode, CPL 3
    kPaged32,        // two levels with 4 MiB pages
    kPae32,          // three levels
    kLong,           // 64-bit code, CPL 0
    kUser64,         // ... CPL 3
    kCompatibility,  // 32-bit code in long mode, CPL 0
};

inline constexpr Mode kModes[] = {
    Mode::kReal,  Mode::kProtected16, Mode::kProtected32, Mode::kUser32,        Mode::kPaged32,
    Mode::kPae32, Mode::kLong,        Mode::kUser64,      Mode::kCompatibility,
};

std::string_view to_string(Mode mode);
void PrintTo(Mode mode, std::ostream* out);

bool is_long(Mode mode);  // EFER.LMA
bool needs_legacy_paging(Mode mode);
unsigned code_bits(Mode mode);  // 16, 32 or 64

// The hidden part that loading a descriptor gives.
Segment segment_of(std::uint64_t descriptor, std::uint16_t selector);
// The segment that GDT entry `selector` describes.
Segment gdt_segment(const Ram& ram, std::uint16_t selector);

// Page tables, GDT and task state; interrupt tables stay empty.
void write_tables(Ram& ram);

// In that mode at kEntry with an empty stack, interrupts disabled. `reset` is the vCPU's own.
CpuState state_in(Mode mode, const Ram& ram, const CpuState& reset);

struct Gate {
    unsigned vector = 0;
    GuestAddress handler = 0;
    bool trap = false;  // leaves IF alone
    unsigned dpl = 0;
    unsigned ist = 0;  // long mode only
    bool present = true;
};

void write_gate(Ram& ram, Mode mode, const Gate& gate);

}  // namespace hvlab::conformance
