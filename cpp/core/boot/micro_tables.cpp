// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/micro_tables.h"

#include <array>
#include <cstring>

#include "core/base/status.h"
#include "core/boot/micro_layout.h"
#include "core/boot/micro_shim.h"
#include "core/boot/mtrr.h"

namespace hvlab::micro {
namespace {

// Selectors as Linux has them for user mode: what a processor without our GDT loads there, a
// software KVM's, can only be its host's.
constexpr std::uint16_t kKernelCode = 0x10;
constexpr std::uint16_t kUserData = 0x28 | 3;
constexpr std::uint16_t kUserCode = 0x30 | 3;
constexpr std::uint16_t kTaskState = 0x40;

constexpr std::uint64_t kTssSize = 0x68;
constexpr std::uint64_t kPorts = 65536;
// The permission bitmap ends with a byte of ones (Intel SDM vol. 1 s. 19.5.2).
constexpr std::uint64_t kTssLimit = kTssSize + kPorts / 8;

// Intel SDM vol. 3 s. 8.2.3.
constexpr std::uint64_t tss_descriptor_low() {
    constexpr std::uint64_t kBusy64BitTss = 0x8B;
    return kTssLimit | (kTss & 0xFFFFFF) << 16 | kBusy64BitTss << 40 | (kTss >> 24 & 0xFF) << 56;
}

void write_gdt(GuestMemory& memory) {
    const std::array<std::uint64_t, 10> gdt{
        0,
        0,
        0x00AF9B000000FFFF,  // 10h: kernel code
        0x00CF93000000FFFF,  // 18h: kernel data
        0,                   // 20h: there is no 32-bit user code
        0x00CFF3000000FFFF,  // 28h: user data
        0x00AFFB000000FFFF,  // 30h: user code
        0,
        tss_descriptor_low(),  // 40h
        kTss >> 32,
    };
    HVLAB_ASSERT(memory.write_value(kGdt, gdt));
}

// Interrupt gates (Intel SDM vol. 3 s. 6.14.1); INT3 and INTO are user mode's to use.
void write_idt(GuestMemory& memory) {
    for (unsigned vector = 0; vector < kVectors; ++vector) {
        constexpr std::uint64_t kInterruptGate = 0x8E;
        const std::uint64_t stub = kShim + vector * kStubSize;
        const std::uint64_t privilege = vector == 3 || vector == 4 ? 3 : 0;
        const std::uint64_t stack = vector == 2 ? 1 : vector == 8 ? 2 : 0;  // of the TSS
        const std::array<std::uint64_t, 2> gate{
            (stub & 0xFFFF) | std::uint64_t{kKernelCode} << 16 | stack << 32 |
                (kInterruptGate | privilege << 5) << 40 | (stub >> 16 & 0xFFFF) << 48,
            stub >> 32};
        HVLAB_ASSERT(memory.write_value(kIdt + vector * sizeof gate, gate));
    }
}

void write_tss(GuestMemory& memory, const std::optional<std::vector<MicroImage::Ports>>& ports) {
    std::array<std::uint8_t, kTssLimit + 1> tss{};
    const auto put = [&tss](std::size_t offset, auto value) {
        std::memcpy(tss.data() + offset, &value, sizeof value);
    };
    put(0x04, kKernelStackTop);
    put(0x24, kNmiStackTop);
    put(0x2C, kFaultStackTop);
    put(0x66, static_cast<std::uint16_t>(kTssSize));
    std::array<bool, kPorts> allowed{};
    if (ports) {
        for (const MicroImage::Ports& range : *ports) {
            for (unsigned port = range.first; port <= range.last; ++port) allowed[port] = true;
        }
    } else {
        allowed.fill(true);
    }
    for (unsigned i = 0; i < 4; ++i) allowed[kReportPort + i] = false;
    for (std::size_t port = 0; port < kPorts; ++port) {
        if (!allowed[port]) tss[kTssSize + port / 8] |= static_cast<std::uint8_t>(1U << port % 8);
    }
    tss.back() = 0xFF;
    HVLAB_ASSERT(memory.write(kTss, std::as_bytes(std::span(tss))));
}

Segment user_segment(std::uint16_t selector, std::uint8_t type, bool code) {
    return {.base = 0,
            .limit = 0xFFFFFFFF,
            .selector = selector,
            .type = type,
            .dpl = 3,
            .l = code,
            .db = !code,
            .g = true};
}

}  // namespace

CpuState enter_user_mode(GuestMemory& memory,
                         const std::optional<std::vector<MicroImage::Ports>>& ports) {
    write_gdt(memory);
    write_idt(memory);
    write_tss(memory, ports);
    HVLAB_ASSERT(memory.write(kShim, shim()));

    CpuState state = reset_state();
    state.rip = 0;
    state.gpr[kRdx] = 0;
    state.cs = user_segment(kUserCode, 0xB, true);
    for (Segment* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
        *segment = user_segment(kUserData, 0x3, false);
    }
    state.tr = {.base = kTss, .limit = kTssLimit, .selector = kTaskState, .type = 0xB, .s = false};
    state.gdtr = {.base = kGdt, .limit = 10 * 8 - 1};
    state.idtr = {.base = kIdt, .limit = kVectors * 16 - 1};
    state.cr0 = 0x80010033;  // PG, WP, NE, ET, MP, PE
    state.cr3 = kPageTables;
    state.cr4 = 0x620;        // OSXMMEXCPT, OSFXSR, PAE
    state.msrs.efer = 0xD00;  // NXE, LMA, LME
    state.fpu = FpuState{};
    set_firmware_mtrrs(state.msrs);
    return state;
}

}  // namespace hvlab::micro
