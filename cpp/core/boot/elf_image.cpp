// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/elf_image.h"

#include "core/boot/elf.h"
#include "core/boot/image_file.h"
#include "core/boot/long_mode.h"
#include "core/boot/low_memory.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

CpuState entry_state(GuestMemory& memory, ElfClass elf_class) {
    if (elf_class == ElfClass::k32) return enter_protected_mode(memory, kLowGdt);
    return enter_long_mode(memory, {.gdt = kLowGdt, .pages = kLowPageTables});
}

}  // namespace

CpuState load_elf(GuestMemory& memory, const ElfImage& image, std::span<const std::byte> bytes) {
    const ImageBytes file(image.path.string(), bytes);
    if (bytes.empty()) file.refuse("image", "the file is empty");
    const Elf elf = parse_elf(file);
    load_segments(memory, file, elf, kLowTablesEnd);
    CpuState state = entry_state(memory, elf.elf_class);
    state.rip = elf.entry;
    state.gpr[kRsp] = kLowStackTop;
    return state;
}

CpuState load_elf(GuestMemory& memory, const ElfImage& image) {
    return load_elf(memory, image, read_image_file(image.path, "image", kMaxImageFile));
}

}  // namespace hvlab
