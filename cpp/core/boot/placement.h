// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where loaders may put things in guest memory.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// Where a PC has video memory and ROMs.
inline constexpr GuestAddress kLegacyHoleStart = 0xA0000;
inline constexpr GuestAddress kLegacyHoleEnd = 0x100000;

// Throws BootError naming `field` unless [address, address + size) is RAM below 4 GiB (no entry
// state reaches further) and outside the legacy hole. `size` is not 0, and the end does not wrap.
void check_place(const GuestMemory& memory, const ImageBytes& image, const std::string& field,
                 GuestAddress address, std::uint64_t size);

}  // namespace hvlab
