// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/micro_shim.h"

#include "core/boot/micro_layout.h"

__asm__(
    ".pushsection .rodata\n"
    "hvlab_micro_shim:\n"
    ".incbin \"" HVLAB_MICRO_SHIM_IMAGE
    "\"\n"
    ".org hvlab_micro_shim + 8192\n"
    ".popsection\n");

extern "C" const std::byte hvlab_micro_shim[];

namespace hvlab::micro {

std::span<const std::byte> shim() {
    static_assert(kShimEnd - kShim == 8192);
    return {hvlab_micro_shim, kShimEnd - kShim};
}

}  // namespace hvlab::micro
