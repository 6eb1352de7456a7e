// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/base/units.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// A raw binary, loaded as it is and entered in real mode: a boot sector, or a larger image of the
// same kind.
struct FlatImage {
    std::filesystem::path path;
    GuestAddress load_address = 0x7C00;
    // Physical, within the image and below 1 MiB. Default: the image's first byte.
    std::optional<GuestAddress> entry = std::nullopt;
};

// Loads the image and returns the state that a BIOS hands to a boot sector: real mode, IP at the
// entry (CS = 0 below 64 KiB), SS:SP = 0:7C00, DL = 80h (first hard disk), interrupts off, A20
// open. No firmware has run: the interrupt vector table and the BIOS data area are as memory was
// (zero). Throws BootError, naming the file and what is wrong: missing, not a regular file, empty,
// larger than the memory, in the way of the legacy hole A0000h-FFFFFh, entry outside.
CpuState load_flat(GuestMemory& memory, const FlatImage& image);

// The same from bytes at hand; `image.path` only names them in errors.
CpuState load_flat(GuestMemory& memory, const FlatImage& image, std::span<const std::byte> bytes);

}  // namespace hvlab
