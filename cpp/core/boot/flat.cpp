// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/flat.h"

#include <fmt/format.h>

#include "core/boot/image_file.h"
#include "core/boot/placement.h"

namespace hvlab {
namespace {

void check_place(const GuestMemory& memory, const ImageBytes& file, GuestAddress address) {
    const auto refuse_size = [&] {
        file.refuse("load_address",
                    fmt::format("{} bytes at {:#x} do not fit into {} bytes of memory", file.size(),
                                address, memory.size()));
    };
    if (address > memory.end() || file.size() > memory.end() - address) refuse_size();
    const GuestAddress end = address + file.size();
    if (address < kLegacyHoleEnd && end > kLegacyHoleStart) {
        file.refuse("load_address",
                    fmt::format("{:#x}-{:#x} overlaps the legacy hole {:#x}-{:#x}", address,
                                end - 1, kLegacyHoleStart, kLegacyHoleEnd - 1));
    }
    if (!memory.contains(address, file.size())) refuse_size();  // in the gap below 4 GiB
}

void check_entry(const ImageBytes& file, GuestAddress address, GuestAddress entry) {
    if (entry < address || entry - address >= file.size()) {
        file.refuse("entry", fmt::format("{:#x} is outside the image at {:#x}-{:#x}", entry,
                                         address, address + file.size() - 1));
    }
    if (entry >= kLegacyHoleEnd) {
        file.refuse("entry", fmt::format("{:#x} is above 1 MiB, out of real mode's reach", entry));
    }
}

CpuState real_mode_state(GuestAddress entry) {
    CpuState state = reset_state();
    // What firmware leaves behind: caches on, FPU initialised.
    state.cr0 = 0x10;
    state.fpu = FpuState{};
    // CS 0 below 64 KiB, then 1000h, 2000h, ...
    state.cs.selector = static_cast<std::uint16_t>(entry >> 4 & 0xF000);
    state.cs.base = std::uint64_t{state.cs.selector} << 4;
    state.rip = entry & 0xFFFF;
    state.gpr[kRsp] = 0x7C00;
    state.gpr[kRdx] = 0x80;
    // The vector table of real mode: 256 entries at 0.
    state.idtr = {.base = 0, .limit = 0x3FF};
    return state;
}

}  // namespace

CpuState load_flat(GuestMemory& memory, const FlatImage& image, std::span<const std::byte> bytes) {
    const ImageBytes file(image.path.string(), bytes);
    if (bytes.empty()) file.refuse("image", "the file is empty");
    check_place(memory, file, image.load_address);
    const GuestAddress entry = image.entry.value_or(image.load_address);
    check_entry(file, image.load_address, entry);
    HVLAB_ASSERT(memory.write(image.load_address, bytes));
    return real_mode_state(entry);
}

CpuState load_flat(GuestMemory& memory, const FlatImage& image) {
    return load_flat(memory, image, read_image_file(image.path, "image", memory.size()));
}

}  // namespace hvlab
