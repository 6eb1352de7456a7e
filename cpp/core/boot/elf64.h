// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// What has to be known of a 64-bit x86 ELF executable to run it at its physical addresses.
struct Elf64 {
    // A PT_LOAD program header (System V ABI, "Program Header").
    struct Segment {
        unsigned index = 0;  // in the program header table, for errors
        std::uint64_t file_offset = 0;
        std::uint64_t file_size = 0;
        GuestAddress address = 0;  // physical
        std::uint64_t memory_size = 0;
    };

    GuestAddress entry = 0;         // physical
    std::vector<Segment> segments;  // by ascending address, not overlapping, not empty

    GuestAddress start() const { return segments.front().address; }
    GuestAddress end() const { return segments.back().address + segments.back().memory_size; }
};

// Throws BootError (the image's name, the header field at fault).
Elf64 parse_elf64(const ImageBytes& image);

// Copies the segments and zeroes what each has beyond its file part. BootError for a segment below
// `lowest` or outside memory, before anything is written.
void load_elf64(GuestMemory& memory, const ImageBytes& image, const Elf64& elf,
                GuestAddress lowest);

}  // namespace hvlab
