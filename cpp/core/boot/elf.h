// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

enum class ElfClass : std::uint8_t { k32, k64 };

// What has to be known of an x86 ELF executable (i386 or x86-64) to run it at its physical
// addresses.
struct Elf {
    // A PT_LOAD program header (System V ABI, "Program Header").
    struct Segment {
        unsigned index = 0;  // in the program header table, for errors
        std::uint64_t file_offset = 0;
        std::uint64_t file_size = 0;
        GuestAddress address = 0;  // physical
        std::uint64_t virtual_address = 0;
        std::uint64_t memory_size = 0;
        bool writable = false;
        bool executable = false;

        GuestAddress end() const { return address + memory_size; }
    };

    // A PT_NOTE program header, not checked: most who load an executable do not look at it.
    struct Notes {
        unsigned index = 0;
        std::uint64_t file_offset = 0;
        std::uint64_t file_size = 0;
        std::uint64_t alignment = 0;
    };

    ElfClass elf_class = ElfClass::k64;
    GuestAddress entry = 0;         // physical, in one of the segments
    std::vector<Segment> segments;  // by ascending address, not overlapping, not empty
    std::vector<Notes> notes;       // in the order of the table

    GuestAddress start() const { return segments.front().address; }
    GuestAddress end() const { return segments.back().end(); }
};

// True for "\x7FELF" at the beginning.
bool is_elf(std::span<const std::byte> bytes);

// Throws BootError (the image's name, the header field at fault).
Elf parse_elf(const ImageBytes& image);

// Copies the segments and zeroes what each has beyond its file part. BootError, before anything is
// written, for a segment below `lowest` or where check_place() wants none.
void load_segments(GuestMemory& memory, const ImageBytes& image, const Elf& elf,
                   GuestAddress lowest);

}  // namespace hvlab
