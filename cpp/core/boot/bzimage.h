// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "core/base/units.h"
#include "core/boot/decompress.h"
#include "core/boot/image_file.h"

namespace hvlab {

// The parts of a bzImage that matter for entering its kernel directly (Linux:
// Documentation/arch/x86/boot.rst, "Details of Header Fields").
struct BzImage {
    std::uint16_t version = 0;  // of the boot protocol, 0x020C = 2.12
    std::span<const std::byte>
        setup_header;                    // from file offset 1F1h; goes into boot_params at 1F1h
    std::uint32_t cmdline_size = 0;      // longest command line, without its terminating zero
    GuestAddress initrd_addr_max = 0;    // highest address that the initrd's last byte may have
    std::uint64_t init_size = 0;         // memory that the kernel needs from its start on
    std::span<const std::byte> payload;  // compressed vmlinux
};

// "HdrS" where a bzImage has it.
bool is_bzimage(std::span<const std::byte> bytes);

// Throws BootError naming the header field that is wrong: older than protocol 2.12, no 64-bit
// kernel, a payload that is not inside the file.
BzImage parse_bzimage(const ImageBytes& file);

// Its vmlinux, of which memory of that size could hold all. BootError for a payload that is
// damaged, unpacks to more, or to more than 1 GiB.
Unpacked unpack(const BzImage& image, const ImageBytes& file, std::uint64_t memory_size);

}  // namespace hvlab
