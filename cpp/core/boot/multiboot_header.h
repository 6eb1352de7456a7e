// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "core/boot/image_file.h"

namespace hvlab {

// The header by which a kernel says that it is one for Multiboot (Multiboot Specification 0.6.96,
// s. 3.1). Addresses are physical.
struct MultibootHeader {
    // Where the parts of the file go, for files that are not ELF ("a.out kludge").
    struct Addresses {
        std::uint32_t header = 0;
        std::uint32_t load = 0;
        std::uint32_t load_end = 0;  // 0: all of the file
        std::uint32_t bss_end = 0;   // 0: nothing is to be zeroed
        std::uint32_t entry = 0;
    };

    std::uint64_t offset = 0;  // in the file
    bool wants_video_mode = false;
    std::optional<Addresses> addresses = std::nullopt;
};

// Searches the first 8 KiB. BootError (the field of the header at fault) where there is none, and
// for one that demands what is not known here.
MultibootHeader find_multiboot_header(const ImageBytes& file);

}  // namespace hvlab
