// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// An ELF executable for i386 or x86-64, loaded at its physical addresses and told nothing.
struct ElfImage {
    std::filesystem::path path;
};

// Loads the segments and returns the state at the entry point, exactly as docs/boot.md says it:
// flat 32-bit protected mode without paging for ELF32, 64-bit mode with the first 4 GiB mapped to
// themselves for ELF64. Throws BootError, naming the file and the field of it that is wrong. The
// bytes of the file are untrusted.
CpuState load_elf(GuestMemory& memory, const ElfImage& image);

// The same from bytes at hand; `image.path` only names them in errors.
CpuState load_elf(GuestMemory& memory, const ElfImage& image, std::span<const std::byte> bytes);

}  // namespace hvlab
