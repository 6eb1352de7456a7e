// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/boot/elf.h"
#include "core/boot/image_file.h"

namespace hvlab {

// What the notes of that name (without its terminating zero) and type describe, in the order of
// the file (System V ABI, "Note Section"). Throws BootError ("notes N", N the program header's
// index) for notes that pass the end of the file or of their table.
std::vector<std::span<const std::byte>> find_notes(const ImageBytes& image, const Elf& elf,
                                                   std::string_view name, std::uint32_t type);

}  // namespace hvlab
