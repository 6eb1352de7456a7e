// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where everything of a micro-guest lies that is not its image (docs/design/micro-guests.md). The
// guest's side of it, and the shim's, is fixtures/include/micro/abi.h; micro_test.cpp compares.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/units.h"

namespace hvlab::micro {

inline constexpr GuestAddress kInfo = 0x1000;
inline constexpr GuestAddress kCmdline = 0x2000;
inline constexpr GuestAddress kControl = 0x3000;
inline constexpr GuestAddress kReport = 0x4000;
inline constexpr GuestAddress kGdt = 0x5000;
inline constexpr GuestAddress kIdt = 0x6000;
inline constexpr GuestAddress kKernelStackTop = 0x8000;
inline constexpr GuestAddress kNmiStackTop = 0x8800;
inline constexpr GuestAddress kFaultStackTop = 0x9000;
inline constexpr GuestAddress kTss = 0x9000;
inline constexpr GuestAddress kShim = 0xC000;
inline constexpr GuestAddress kShimEnd = 0xE000;
inline constexpr GuestAddress kStackBottom = 0x10000;
inline constexpr GuestAddress kStackTop = 0x20000;
inline constexpr GuestAddress kRingToHost = 0x20000;
inline constexpr GuestAddress kRingToGuest = 0x30000;
inline constexpr GuestAddress kRingsEnd = 0x40000;
inline constexpr GuestAddress kPageTables = 0x40000;
inline constexpr GuestAddress kPageTablesEnd = 0x80000;
inline constexpr GuestAddress kImage = 0x100000;

inline constexpr unsigned kVectors = 48;  // exceptions, then IRQ 0-15
inline constexpr std::uint64_t kStubSize = 128;

inline constexpr std::uint16_t kReportPort = 0x520;
inline constexpr std::uint16_t kDoorbellPort = 0x524;

// What the shim leaves at kReport.
struct Report {
    std::uint64_t vector = 0;
    std::uint64_t error_code = 0;
    std::uint64_t rip = 0;
    std::uint64_t rflags = 0;
    std::uint64_t rsp = 0;
    std::uint64_t cr2 = 0;
    std::uint64_t rax = 0;
    std::uint64_t rdx = 0;
    std::uint64_t cs = 0;
    std::uint64_t rdi = 0;
    std::uint64_t rsi = 0;
    std::uint64_t result = 0;  // the host's
};
inline constexpr GuestAddress kReportResult = kReport + offsetof(Report, result);

// What RDI points to at the entry: struct micro_info of the guest's header.
struct Info {
    std::uint64_t magic = 0x314F5243494D5648;  // "HVMICRO1"
    std::uint32_t version = 1;
    std::uint32_t size = sizeof(Info);
    std::uint64_t memory_size = 0;  // RAM in all; what lies above 3 GiB is not mapped
    std::uint64_t memory_end = 0;   // of RAM below 3 GiB
    std::uint64_t image_start = 0;
    std::uint64_t image_end = 0;
    std::uint64_t free_start = 0;  // writable RAM behind the image, to memory_end
    std::uint64_t cmdline = kCmdline;
    std::uint64_t cmdline_length = 0;
    std::uint64_t stack_bottom = kStackBottom;
    std::uint64_t stack_top = kStackTop;
    std::uint64_t control = kControl;
    std::uint64_t ring_to_host = kRingToHost;
    std::uint64_t ring_to_guest = kRingToGuest;
    std::uint32_t doorbell_port = kDoorbellPort;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(Info) == 120);

}  // namespace hvlab::micro
