// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "core/base/units.h"
#include "core/boot/decompress.h"
#include "core/boot/image_file.h"

namespace hvlab {

// The parts of a bzImage that matter for entering its kernel (Linux:
// Documentation/arch/x86/boot.rst, "Details of Header Fields").
struct BzImage {
    std::uint16_t version = 0;  // of the boot protocol, 0x020C = 2.12
    std::span<const std::byte>
        setup_header;                  // from file offset 1F1h; goes into boot_params at 1F1h
    std::uint32_t cmdline_size = 0;    // longest command line, without its terminating zero
    GuestAddress initrd_addr_max = 0;  // highest address that the initrd's last byte may have
    bool is_64_bit = false;            // XLF_KERNEL_64
    GuestAddress pref_address = 0;     // where it moves itself to if it was loaded below
    std::uint64_t init_size = 0;       // memory that it needs from there on; 0: it does not say
    GuestAddress code32_start = 0;     // where the protected-mode part goes and is entered
    std::span<const std::byte> protected_mode_part;
    std::span<const std::byte> payload;  // compressed vmlinux; empty: there is none

    // Its vmlinux can be entered directly, as 64-bit code.
    bool has_64_bit_vmlinux() const { return is_64_bit && !payload.empty(); }
};

// "HdrS" where a bzImage has it.
bool is_bzimage(std::span<const std::byte> bytes);

// Throws BootError naming the header field that is wrong: older than protocol 2.06, no kernel for
// high memory, a part that is not inside the file.
BzImage parse_bzimage(const ImageBytes& file);

// Its vmlinux, of which memory of that size could hold all. BootError for a payload that is
// missing, damaged, unpacks to more, or to more than 1 GiB.
Unpacked unpack(const BzImage& image, const ImageBytes& file, std::uint64_t memory_size);

}  // namespace hvlab
