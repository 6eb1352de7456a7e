// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf64.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace hvlab {
namespace {

// A kernel has half a dozen.
constexpr unsigned kMaxProgramHeaders = 256;

Elf64_Ehdr checked_header(const ImageBytes& image) {
    const auto ident = image.slice(0, EI_NIDENT, "ELF header");
    if (std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) image.refuse("e_ident", "not an ELF file");
    if (std::to_integer<int>(ident[EI_CLASS]) != ELFCLASS64) {
        image.refuse("e_ident", "not a 64-bit ELF file: only 64-bit kernels can be booted");
    }
    if (std::to_integer<int>(ident[EI_DATA]) != ELFDATA2LSB) {
        image.refuse("e_ident", "not a little-endian ELF file");
    }
    const auto header = image.load<Elf64_Ehdr>(0, "ELF header");
    if (header.e_machine != EM_X86_64) {
        image.refuse("e_machine", fmt::format("{} is not x86-64", header.e_machine));
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        image.refuse("e_type", fmt::format("{} is not an executable", header.e_type));
    }
    if (header.e_phentsize != sizeof(Elf64_Phdr)) {
        image.refuse("e_phentsize",
                     fmt::format("is {}, must be {}", header.e_phentsize, sizeof(Elf64_Phdr)));
    }
    if (header.e_phnum == 0 || header.e_phnum > kMaxProgramHeaders) {
        image.refuse("e_phnum", fmt::format("{} program headers; 1 to {} are possible",
                                            header.e_phnum, kMaxProgramHeaders));
    }
    return header;
}

Elf64::Segment checked_segment(const ImageBytes& image, const Elf64_Phdr& header, unsigned index) {
    const std::string name = fmt::format("segment {}", index);
    if (header.p_filesz > header.p_memsz) {
        image.refuse(name, fmt::format("has {} bytes in the file but only {} in memory",
                                       header.p_filesz, header.p_memsz));
    }
    if (header.p_memsz > std::numeric_limits<std::uint64_t>::max() - header.p_paddr) {
        image.refuse(name, fmt::format("{} bytes at {:#x} pass the end of the address space",
                                       header.p_memsz, header.p_paddr));
    }
    if (header.p_filesz > 0) image.slice(header.p_offset, header.p_filesz, name);
    return {.index = index,
            .file_offset = header.p_offset,
            .file_size = header.p_filesz,
            .address = header.p_paddr,
            .memory_size = header.p_memsz};
}

void refuse_overlap(const ImageBytes& image, const std::vector<Elf64::Segment>& sorted) {
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        const Elf64::Segment& before = sorted[i - 1];
        if (sorted[i].address < before.address + before.memory_size) {
            image.refuse(
                fmt::format("segment {}", sorted[i].index),
                fmt::format("at {:#x} overlaps segment {} at {:#x}-{:#x}", sorted[i].address,
                            before.index, before.address, before.address + before.memory_size - 1));
        }
    }
}

// Linux states its entry point as a physical address, most other programs as a virtual one.
GuestAddress physical_entry(const ImageBytes& image, GuestAddress entry,
                            std::span<const Elf64_Phdr> loads) {
    for (const Elf64_Phdr& load : loads) {
        if (entry >= load.p_paddr && entry - load.p_paddr < load.p_memsz) return entry;
    }
    for (const Elf64_Phdr& load : loads) {
        if (entry >= load.p_vaddr && entry - load.p_vaddr < load.p_memsz) {
            return load.p_paddr + (entry - load.p_vaddr);
        }
    }
    image.refuse("e_entry", fmt::format("{:#x} is in no segment", entry));
}

}  // namespace

Elf64 parse_elf64(const ImageBytes& image) {
    const Elf64_Ehdr header = checked_header(image);
    image.slice(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr),
                "program headers");
    Elf64 elf;
    std::vector<Elf64_Phdr> loads;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const auto program =
            image.load<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr), "program headers");
        if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
        elf.segments.push_back(checked_segment(image, program, i));
        loads.push_back(program);
    }
    if (elf.segments.empty()) image.refuse("program headers", "nothing is to be loaded");
    std::ranges::sort(elf.segments, {}, &Elf64::Segment::address);
    refuse_overlap(image, elf.segments);
    elf.entry = physical_entry(image, header.e_entry, loads);
    return elf;
}

void load_elf64(GuestMemory& memory, const ImageBytes& image, const Elf64& elf,
                GuestAddress lowest) {
    for (const Elf64::Segment& segment : elf.segments) {
        const auto refuse = [&](std::string_view why) {
            image.refuse(
                fmt::format("segment {}", segment.index),
                fmt::format("{} bytes at {:#x} {}", segment.memory_size, segment.address, why));
        };
        if (segment.address < lowest) {
            refuse(fmt::format("reach below {:#x}, where the boot parameters lie", lowest));
        }
        if (!memory.contains(segment.address, segment.memory_size)) {
            refuse(fmt::format("do not fit into {} MiB of memory", memory.size() / kMiB));
        }
    }
    for (const Elf64::Segment& segment : elf.segments) {
        const auto bytes = image.bytes().subspan(segment.file_size > 0 ? segment.file_offset : 0,
                                                 segment.file_size);
        HVLAB_ASSERT(memory.write(segment.address, bytes));
        HVLAB_ASSERT(memory.fill(segment.address + segment.file_size,
                                 segment.memory_size - segment.file_size, std::byte{0}));
    }
}

}  // namespace hvlab
