// SPDX-License-Identifier: GPL-2.0-or-later
//
// Small kernels made on the spot, right or wrong in any field: for tests and fuzzing seeds.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/boot/decompress.h"

namespace hvlab::test_images {

using Bytes = std::vector<std::byte>;

template <typename T>
void poke(Bytes& bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// Bytes that compress, but not to nothing.
Bytes sample_bytes(std::size_t size, std::uint64_t seed);

struct ElfSegment {
    GuestAddress address = 0;
    Bytes content;
    std::uint64_t memory_size = 0;     // 0: as large as the content
    std::uint64_t virtual_offset = 0;  // p_vaddr - p_paddr
    std::uint32_t type = PT_LOAD;
};

// ELF64: program headers at 40h, contents behind them in order.
Bytes make_elf(const std::vector<ElfSegment>& segments, GuestAddress entry);
// ELF32: program headers at 34h, contents behind them in order.
Bytes make_elf32(const std::vector<ElfSegment>& segments, GuestAddress entry);

// What `xz`, `lz4 -l`, ... write, without the trailer.
Bytes compress(Compression compression, const Bytes& bytes);
// The same with the x86 branch filter, as the kernel's build uses it.
Bytes compress_xz_x86(const Bytes& bytes);
// The size behind the stream, as the kernel's build appends it (gzip has it already).
Bytes with_size(Bytes packed, std::size_t size);

inline constexpr std::size_t kPayloadStart = 0x600;  // two setup sectors, payload_offset 0

// A bzImage of protocol 2.15 with one setup sector more than the first and `payload` behind them.
Bytes make_bzimage(const Bytes& payload);

// Offsets in a program header of make_elf().
constexpr std::size_t program_header(std::size_t index) {
    return 0x40 + index * 0x38;
}
inline constexpr std::size_t kOffsetField = 8;
inline constexpr std::size_t kPhysicalField = 24;
inline constexpr std::size_t kFileSizeField = 32;
inline constexpr std::size_t kMemorySizeField = 40;

// The same of make_elf32().
constexpr std::size_t program_header32(std::size_t index) {
    return 0x34 + index * 0x20;
}
inline constexpr std::size_t kOffsetField32 = 4;
inline constexpr std::size_t kPhysicalField32 = 12;
inline constexpr std::size_t kFileSizeField32 = 16;
inline constexpr std::size_t kMemorySizeField32 = 20;

// Two segments of an imaginary kernel at 1 MiB, the second with zeroed memory behind it.
inline constexpr GuestAddress kKernelStart = 0x100000;
inline constexpr GuestAddress kKernelEnd = 0x110000;
inline constexpr GuestAddress kKernelEntry = 0x100040;
Bytes sample_vmlinux();
Bytes sample_elf32();
// That kernel as a bzImage.
Bytes sample_bzimage(Compression compression);

// The header of a multiboot kernel, its checksum right; five addresses if there are any.
Bytes multiboot_header(std::uint32_t flags, const std::vector<std::uint32_t>& addresses = {});
inline constexpr std::uint32_t kHasAddresses = 0x10000;
// A multiboot kernel of either class: sample_elf32() or sample_vmlinux() with such a header at the
// beginning of its first segment.
Bytes sample_multiboot(const Bytes& header, bool elf64 = false);

// An ELF note, each part padded to `alignment`.
Bytes make_note(const std::string& name, std::uint32_t type, const Bytes& description,
                std::size_t alignment = 4);
// The same with a number of 4 or 8 bytes.
template <typename T>
Bytes make_note(const std::string& name, std::uint32_t type, T description) {
    Bytes bytes(sizeof description);
    poke(bytes, 0, description);
    return make_note(name, type, bytes);
}
inline constexpr std::uint32_t kPhys32Entry = 18;
// sample_elf32() or sample_vmlinux() with these notes behind its segments; their program header is
// the third.
Bytes sample_with_notes(const Bytes& notes, bool elf64 = false);
// The note of a PVH kernel that is entered at kKernelEntry + 16.
Bytes pvh_note();

}  // namespace hvlab::test_images
