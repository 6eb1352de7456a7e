// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "core/boot/placement.h"

namespace hvlab {
namespace {

// A kernel has half a dozen.
constexpr unsigned kMaxProgramHeaders = 256;

// The two classes: their structures, and what they may say.
struct Class32 {
    using Header = Elf32_Ehdr;
    using ProgramHeader = Elf32_Phdr;
    static constexpr ElfClass kClass = ElfClass::k32;
    static constexpr unsigned kMachine = EM_386;
    static constexpr std::string_view kMachineName = "i386";
    static constexpr std::uint64_t kAddressMax = std::numeric_limits<std::uint32_t>::max();
};
struct Class64 {
    using Header = Elf64_Ehdr;
    using ProgramHeader = Elf64_Phdr;
    static constexpr ElfClass kClass = ElfClass::k64;
    static constexpr unsigned kMachine = EM_X86_64;
    static constexpr std::string_view kMachineName = "x86-64";
    static constexpr std::uint64_t kAddressMax = std::numeric_limits<std::uint64_t>::max();
};

template <typename Class>
typename Class::Header checked_header(const ImageBytes& image) {
    const auto header = image.load<typename Class::Header>(0, "ELF header");
    constexpr std::size_t kProgramHeaderSize = sizeof(typename Class::ProgramHeader);
    if (header.e_machine != Class::kMachine) {
        image.refuse("e_machine",
                     fmt::format("{} is not {}", header.e_machine, Class::kMachineName));
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        image.refuse("e_type", fmt::format("{} is not an executable", header.e_type));
    }
    if (header.e_phentsize != kProgramHeaderSize) {
        image.refuse("e_phentsize",
                     fmt::format("is {}, must be {}", header.e_phentsize, kProgramHeaderSize));
    }
    if (header.e_phnum == 0 || header.e_phnum > kMaxProgramHeaders) {
        image.refuse("e_phnum", fmt::format("{} program headers; 1 to {} are possible",
                                            header.e_phnum, kMaxProgramHeaders));
    }
    image.slice(header.e_phoff, std::uint64_t{header.e_phnum} * kProgramHeaderSize,
                "program headers");
    return header;
}

template <typename Class>
Elf::Segment checked_load(const ImageBytes& image, const typename Class::ProgramHeader& header,
                          unsigned index) {
    const std::string name = fmt::format("segment {}", index);
    if (header.p_filesz > header.p_memsz) {
        image.refuse(name, fmt::format("has {} bytes in the file but only {} in memory",
                                       header.p_filesz, header.p_memsz));
    }
    if (header.p_memsz > Class::kAddressMax - header.p_paddr) {
        image.refuse(name, fmt::format("{} bytes at {:#x} pass the end of the address space",
                                       header.p_memsz, header.p_paddr));
    }
    if (header.p_filesz > 0) image.slice(header.p_offset, header.p_filesz, name);
    return {.index = index,
            .file_offset = header.p_offset,
            .file_size = header.p_filesz,
            .address = header.p_paddr,
            .virtual_address = header.p_vaddr,
            .memory_size = header.p_memsz,
            .writable = (header.p_flags & PF_W) != 0,
            .executable = (header.p_flags & PF_X) != 0};
}

void refuse_overlap(const ImageBytes& image, const std::vector<Elf::Segment>& sorted) {
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        const Elf::Segment& before = sorted[i - 1];
        if (sorted[i].address < before.end()) {
            image.refuse(
                fmt::format("segment {}", sorted[i].index),
                fmt::format("at {:#x} overlaps segment {} at {:#x}-{:#x}", sorted[i].address,
                            before.index, before.address, before.end() - 1));
        }
    }
}

// Linux states its entry point as a physical address, most other programs as a virtual one.
GuestAddress physical_entry(const ImageBytes& image, GuestAddress entry,
                            std::span<const Elf::Segment> segments) {
    for (const Elf::Segment& segment : segments) {
        if (entry >= segment.address && entry < segment.end()) return entry;
    }
    for (const Elf::Segment& segment : segments) {
        if (entry >= segment.virtual_address &&
            entry - segment.virtual_address < segment.memory_size) {
            return segment.address + (entry - segment.virtual_address);
        }
    }
    image.refuse("e_entry", fmt::format("{:#x} is in no segment", entry));
}

template <typename Class>
Elf parse(const ImageBytes& image) {
    using ProgramHeader = typename Class::ProgramHeader;
    const auto header = checked_header<Class>(image);
    Elf elf{.elf_class = Class::kClass, .segments = {}, .notes = {}};
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const auto program = image.load<ProgramHeader>(
            std::uint64_t{header.e_phoff} + i * sizeof(ProgramHeader), "program headers");
        if (program.p_type == PT_NOTE) {
            elf.notes.push_back({.index = i,
                                 .file_offset = program.p_offset,
                                 .file_size = program.p_filesz,
                                 .alignment = program.p_align});
        }
        if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
        elf.segments.push_back(checked_load<Class>(image, program, i));
    }
    if (elf.segments.empty()) image.refuse("program headers", "nothing is to be loaded");
    elf.entry = physical_entry(image, header.e_entry, elf.segments);
    std::ranges::sort(elf.segments, {}, &Elf::Segment::address);
    refuse_overlap(image, elf.segments);
    return elf;
}

}  // namespace

bool is_elf(std::span<const std::byte> bytes) {
    return bytes.size() >= SELFMAG && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
}

Elf parse_elf(const ImageBytes& image) {
    const auto ident = image.slice(0, EI_NIDENT, "ELF header");
    if (!is_elf(ident)) image.refuse("e_ident", "not an ELF file");
    if (std::to_integer<int>(ident[EI_DATA]) != ELFDATA2LSB) {
        image.refuse("e_ident", "not a little-endian ELF file");
    }
    switch (std::to_integer<int>(ident[EI_CLASS])) {
        case ELFCLASS32:
            return parse<Class32>(image);
        case ELFCLASS64:
            return parse<Class64>(image);
        default:
            image.refuse("e_ident", "neither a 32-bit nor a 64-bit ELF file");
    }
}

void load_segments(GuestMemory& memory, const ImageBytes& image, const Elf& elf,
                   GuestAddress lowest) {
    for (const Elf::Segment& segment : elf.segments) {
        const std::string name = fmt::format("segment {}", segment.index);
        if (segment.address < lowest) {
            image.refuse(name, fmt::format("{} bytes at {:#x} reach below {:#x}, where the "
                                           "loader's own tables lie",
                                           segment.memory_size, segment.address, lowest));
        }
        check_place(memory, image, name, segment.address, segment.memory_size);
    }
    for (const Elf::Segment& segment : elf.segments) {
        const auto bytes = image.bytes().subspan(segment.file_size > 0 ? segment.file_offset : 0,
                                                 segment.file_size);
        HVLAB_ASSERT(memory.write(segment.address, bytes));
        HVLAB_ASSERT(memory.fill(segment.address + segment.file_size,
                                 segment.memory_size - segment.file_size, std::byte{0}));
    }
}

}  // namespace hvlab
