// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where loaders may put things in guest memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

// The RAM from 1 MiB to the device hole that a loader has not given away yet. Low memory stays the
// guest's.
class FreeMemory {
public:
    explicit FreeMemory(const GuestMemory& memory);

    // Gives away [address, address + size), which may be anywhere.
    void take(GuestAddress address, std::uint64_t size);

    // Gives away the lowest free place for `size` bytes, at a page's beginning; nothing if there is
    // none.
    std::optional<GuestAddress> place(std::uint64_t size);

private:
    struct Range {
        GuestAddress start = 0;
        GuestAddress end = 0;
    };

    GuestAddress end_ = 0;
    std::vector<Range> taken_;  // by ascending start
};

}  // namespace hvlab
