// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/modes.h"

#include <array>

namespace hvlab::conformance {
namespace {

// Page-table entries (Intel SDM vol. 3 s. 4.5): present, writable, user; page size.
constexpr std::uint64_t kEntryFlags = 7;
constexpr std::uint64_t kLargePage = kEntryFlags | 0x80;
constexpr std::uint64_t kLargeSize = 2 * kMiB;

constexpr GuestAddress kLegacyDirectory = 0x26000;
constexpr GuestAddress kLegacyTable = 0x27000;
constexpr GuestAddress kPaePointers = 0x28000;
constexpr GuestAddress kPaeDirectory = 0x29000;
constexpr GuestAddress kPaeTable = 0x2A000;
constexpr GuestAddress kPaeDeviceDirectory = 0x2B000;

bool is_present(GuestAddress address) {
    return address < kNotPresent || address >= kNotPresent + 16 * kPageSize;
}

template <typename Entry>
void map_first_pages(Ram& ram, GuestAddress table) {
    for (GuestAddress page = 0; page < kLargeSize; page += kPageSize) {
        const auto entry = static_cast<Entry>(is_present(page) ? page | kEntryFlags : 0);
        ram.put(table + page / kPageSize * sizeof entry, entry);
    }
}

void map_large_pages(Ram& ram, GuestAddress directory, unsigned first, unsigned end,
                     GuestAddress base) {
    for (unsigned i = first; i < end; ++i) {
        ram.put(directory + i * 8, (base + i * kLargeSize) | kLargePage);
    }
}

void write_long_tables(Ram& ram) {
    constexpr GuestAddress kPointers = 0x11000, kDirectory = 0x12000, kDeviceDirectory = 0x14000,
                           kHighDirectory = 0x15000, kTopPointers = 0x16000,
                           kTopDirectory = 0x17000, kTopTable = 0x18000;
    ram.put(kPml4, kPointers | kEntryFlags);
    ram.put(kPointers, kDirectory | kEntryFlags);
    ram.put(kPointers + 3 * 8, kDeviceDirectory | kEntryFlags);
    ram.put(kPointers + 4 * 8, kHighDirectory | kEntryFlags);
    ram.put(kDirectory, kPageTable | kEntryFlags);
    map_large_pages(ram, kDirectory, 1, 8, 0);
    map_large_pages(ram, kDeviceDirectory, 0x1F0, 0x200, 3 * kGiB);
    map_large_pages(ram, kHighDirectory, 0, 1, kHighRam);
    map_first_pages<std::uint64_t>(ram, kPageTable);
    ram.put(kPageTable + kAlias / kPageSize * 8, 0x2000 | kEntryFlags);
    ram.put(kPml4 + 511 * 8, kTopPointers | kEntryFlags);
    ram.put(kTopPointers + 511 * 8, kTopDirectory | kEntryFlags);
    ram.put(kTopDirectory + 511 * 8, kTopTable | kEntryFlags);
    ram.put(kTopTable + 511 * 8, std::uint64_t{0x5F000} | kEntryFlags);
}

void write_legacy_tables(Ram& ram) {
    constexpr std::uint64_t kBigPage = 4 * kMiB;
    const auto entry = [&](unsigned index, std::uint64_t value) {
        ram.put(kLegacyDirectory + index * 4, static_cast<std::uint32_t>(value));
    };
    entry(0, kLegacyTable | kEntryFlags);
    map_first_pages<std::uint32_t>(ram, kLegacyTable);
    for (unsigned i = 1; i < 4; ++i) entry(i, i * kBigPage | kLargePage);
    for (unsigned i = kDevice / kBigPage; i < 1024; ++i) entry(i, i * kBigPage | kLargePage);

    // The top level has no writable and user bits.
    ram.put(kPaePointers, kPaeDirectory | 1);
    ram.put(kPaePointers + 3 * 8, kPaeDeviceDirectory | 1);
    ram.put(kPaeDirectory, kPaeTable | kEntryFlags);
    map_first_pages<std::uint64_t>(ram, kPaeTable);
    map_large_pages(ram, kPaeDirectory, 1, 8, 0);
    map_large_pages(ram, kPaeDeviceDirectory, 0x1F0, 0x200, 3 * kGiB);
}

std::uint64_t task_state_descriptor(GuestAddress base) {
    constexpr std::uint64_t kBusyTss = 0x8B;
    return 0x67 | base << 16 | kBusyTss << 40;
}

void write_descriptors(Ram& ram) {
    const auto entry = [&](std::uint16_t selector, std::uint64_t descriptor) {
        ram.put(kGdt + (selector & ~7), descriptor);
    };
    entry(kCode32, 0x00CF9B000000FFFF);
    entry(kCode64, 0x00AF9B000000FFFF);
    entry(kData32, 0x00CF93000000FFFF);
    entry(kUserCode32, 0x00CFFB000000FFFF);
    entry(kUserData, 0x00CFF3000000FFFF);
    entry(kUserCode64, 0x00AFFB000000FFFF);
    entry(kTss64Selector, task_state_descriptor(kTss));
    entry(kCode16, 0x00009B000000FFFF);
    entry(kData16, 0x000093000000FFFF);
    entry(kTss32Selector, task_state_descriptor(kTss32));
    entry(kAbsent, 0x00CF13000000FFFF);

    ram.put(kTss + 4, std::uint64_t{kKernelStack});
    ram.put(kTss + 36, std::uint64_t{kInterruptStack});  // IST 1
    ram.put(kTss32 + 4, static_cast<std::uint32_t>(kKernelStack));
    ram.put(kTss32 + 8, std::uint32_t{kData32});
}

void set_segments(CpuState& state, const Ram& ram, std::uint16_t code, std::uint16_t data) {
    state.cs = gdt_segment(ram, code);
    state.ss = gdt_segment(ram, data);
    for (Segment* each : {&state.ds, &state.es, &state.fs, &state.gs}) {
        *each = gdt_segment(ram, data);
    }
}

void set_task(CpuState& state, Mode mode) {
    state.tr = {.base = is_long(mode) ? kTss : kTss32,
                .limit = 0x67,
                .selector = is_long(mode) ? kTss64Selector : kTss32Selector,
                .type = 0xB,
                .s = false};
    state.gdtr = {.base = kGdt, .limit = kGdtLimit};
    state.idtr = is_long(mode) ? DescriptorTable{.base = kIdt, .limit = 0xFFF}
                               : DescriptorTable{.base = kIdt32, .limit = 0x7FF};
}

}  // namespace

std::string_view to_string(Mode mode) {
    constexpr std::array<std::string_view, std::size(kModes)> kNames = {
        "Real",  "Protected16", "Protected32", "User32",       "Paged32",
        "Pae32", "Long",        "User64",      "Compatibility"};
    return kNames[static_cast<std::size_t>(mode)];
}

void PrintTo(Mode mode, std::ostream* out) {
    *out << to_string(mode);
}

bool is_long(Mode mode) {
    return mode == Mode::kLong || mode == Mode::kUser64 || mode == Mode::kCompatibility;
}

bool needs_legacy_paging(Mode mode) {
    return mode == Mode::kPaged32 || mode == Mode::kPae32;
}

unsigned code_bits(Mode mode) {
    if (mode == Mode::kReal || mode == Mode::kProtected16) return 16;
    return mode == Mode::kLong || mode == Mode::kUser64 ? 64 : 32;
}

Segment segment_of(std::uint64_t descriptor, std::uint16_t selector) {
    const auto bits = [&](unsigned shift, unsigned count) {
        return static_cast<std::uint32_t>(descriptor >> shift & ((1ull << count) - 1));
    };
    const std::uint32_t limit = bits(0, 16) | bits(48, 4) << 16;
    const bool g = bits(55, 1) != 0;
    return {.base = bits(16, 24) | bits(56, 8) << 24,
            .limit = g ? limit << kPageShift | 0xFFF : limit,
            .selector = selector,
            .type = static_cast<std::uint8_t>(bits(40, 4)),
            .s = bits(44, 1) != 0,
            .dpl = static_cast<std::uint8_t>(bits(45, 2)),
            .present = bits(47, 1) != 0,
            .avl = bits(52, 1) != 0,
            .l = bits(53, 1) != 0,
            .db = bits(54, 1) != 0,
            .g = g};
}

Segment gdt_segment(const Ram& ram, std::uint16_t selector) {
    return segment_of(ram.get<std::uint64_t>(kGdt + (selector & ~7)), selector);
}

void write_tables(Ram& ram) {
    write_long_tables(ram);
    write_legacy_tables(ram);
    write_descriptors(ram);
}

CpuState state_in(Mode mode, const Ram& ram, const CpuState& reset) {
    CpuState state = reset;
    state.rip = kEntry;
    state.fpu.fcw = 0x37F;
    state.fpu.ftw = 0;
    if (mode == Mode::kReal) {
        state.cs.selector = 0;
        state.cs.base = 0;
        state.gpr[kRsp] = 0x8000;
        return state;
    }
    const bool user = mode == Mode::kUser32 || mode == Mode::kUser64;
    set_task(state, mode);
    state.gpr[kRsp] = mode == Mode::kProtected16 ? 0x8000 : kStack;
    state.cr0 = 0x33;  // PE, MP, ET, NE
    switch (code_bits(mode)) {
        case 16:
            set_segments(state, ram, kCode16, kData16);
            break;
        case 32:
            set_segments(state, ram, user ? kUserCode32 : kCode32, user ? kUserData : kData32);
            break;
        default:
            set_segments(state, ram, user ? kUserCode64 : kCode64, user ? kUserData : kData32);
    }
    state.cr4 = 0x600;                                                        // OSFXSR, OSXMMEXCPT
    if (needs_legacy_paging(mode) || is_long(mode)) state.cr0 |= 0x80010000;  // PG, WP
    if (mode == Mode::kPaged32) {
        state.cr3 = kLegacyDirectory;
        state.cr4 |= 0x10;  // PSE
    } else if (mode == Mode::kPae32) {
        state.cr3 = kPaePointers;
        state.cr4 |= 0x20;  // PAE
    } else if (is_long(mode)) {
        state.cr3 = kPml4;
        state.cr4 |= 0x20;
        state.msrs.efer = 0xD01;  // SCE, LME, LMA, NXE
        state.msrs.star = 0x00200010ull << 32;
        state.msrs.fmask = 0x300;  // TF, IF
    }
    return state;
}

void write_gate(Ram& ram, Mode mode, const Gate& gate) {
    const std::uint64_t to = gate.handler;
    if (mode == Mode::kReal) {
        // Segment and offset so that the offset is the address's low 16 bits.
        ram.put(gate.vector * 4, static_cast<std::uint16_t>(to & 0xFFFF));
        ram.put(gate.vector * 4 + 2, static_cast<std::uint16_t>(to >> 16 << 12));
        return;
    }
    const std::uint64_t flags = (gate.present ? 0x8E00u : 0x0E00u) | (gate.trap ? 0x100u : 0) |
                                std::uint64_t{gate.dpl} << 13 | gate.ist;
    const std::uint64_t code = is_long(mode) ? kCode64 : kCode32;
    const std::uint64_t low = (to & 0xFFFF) | code << 16 | flags << 32 | (to >> 16 & 0xFFFF) << 48;
    if (is_long(mode)) {
        ram.put(kIdt + gate.vector * 16, low);
        ram.put(kIdt + gate.vector * 16 + 8, to >> 32);
    } else {
        ram.put(kIdt32 + gate.vector * 8, low);
    }
}

}  // namespace hvlab::conformance
