// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/builtin_firmware.h"

// The assembler copies the file: no step of the build has to turn it into source. Its linker script
// sees to the 64 KiB; .org refuses more (clang's assembler has no .if for what it has not laid
// out).
__asm__(
    ".pushsection .rodata\n"
    "hvlab_builtin_firmware:\n"
    ".incbin \"" HVLAB_FIRMWARE_IMAGE
    "\"\n"
    ".org hvlab_builtin_firmware + 65536\n"
    ".popsection\n");

extern "C" const std::byte hvlab_builtin_firmware[];

namespace hvlab {

std::span<const std::byte> builtin_firmware() {
    return {hvlab_builtin_firmware, kBuiltinFirmwareSize};
}

}  // namespace hvlab
