// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/boot/decompress.h"
#include "core/boot/elf.h"
#include "core/boot/image_file.h"
#include "core/boot/memory_map.h"
#include "core/boot/multiboot_header.h"
#include "core/boot/multiboot_information.h"
#include "core/boot/placement.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

constexpr std::uint32_t kBootloaderMagic = 0x2BADB002;

// Of the BIOS data area, what a kernel may look at that takes a BIOS for granted: where memory
// below 640 KiB ends. Xen puts its start-up code for other CPUs there.
void write_bios_data(GuestMemory& memory) {
    constexpr GuestAddress kExtendedAreaSegment = 0x40E;
    constexpr GuestAddress kBaseMemory = 0x413;  // KiB
    HVLAB_ASSERT(
        memory.write_value(kExtendedAreaSegment, static_cast<std::uint16_t>(kLowMemoryEnd >> 4)));
    HVLAB_ASSERT(memory.write_value(kBaseMemory, static_cast<std::uint16_t>(kLowMemoryEnd / kKiB)));
    // The area begins with its size in KiB.
    HVLAB_ASSERT(memory.write_value(kLowMemoryEnd, std::uint8_t{1}));
}

// A file that is no ELF executable, by the addresses of its header. Returns the entry.
GuestAddress load_by_addresses(GuestMemory& memory, FreeMemory& free, const ImageBytes& file,
                               const MultibootHeader& header) {
    const MultibootHeader::Addresses& to = *header.addresses;
    if (to.load > to.header) {
        file.refuse("load_addr",
                    fmt::format("{:#x} is behind header_addr {:#x}", to.load, to.header));
    }
    const std::uint64_t before_header = to.header - to.load;
    if (before_header > header.offset) {
        file.refuse("header_addr",
                    fmt::format("{:#x} is {} bytes behind load_addr, but the header only {} bytes "
                                "into the file",
                                to.header, before_header, header.offset));
    }
    const std::uint64_t offset = header.offset - before_header;
    if (to.load_end != 0 && to.load_end <= to.load) {
        file.refuse("load_end_addr",
                    fmt::format("{:#x} is not behind load_addr {:#x}", to.load_end, to.load));
    }
    const std::uint64_t size = to.load_end != 0 ? to.load_end - to.load : file.size() - offset;
    const auto content = file.slice(offset, size, "load_end_addr");
    const GuestAddress load_end = to.load + size;
    if (to.bss_end != 0 && to.bss_end < load_end) {
        file.refuse("bss_end_addr", fmt::format("{:#x} is before the end of what is loaded, {:#x}",
                                                to.bss_end, load_end));
    }
    const GuestAddress end = to.bss_end != 0 ? to.bss_end : load_end;
    check_place(memory, file, "load_addr", to.load, end - to.load);
    if (to.entry < to.load || to.entry >= end) {
        file.refuse("entry_addr",
                    fmt::format("{:#x} is outside {:#x}-{:#x}", to.entry, to.load, end - 1));
    }
    HVLAB_ASSERT(memory.write(to.load, content));
    HVLAB_ASSERT(memory.fill(load_end, end - load_end, std::byte{0}));
    free.take(to.load, end - to.load);
    return to.entry;
}

GuestAddress load_kernel(GuestMemory& memory, FreeMemory& free, const ImageBytes& file,
                         const MultibootHeader& header) {
    if (header.addresses) return load_by_addresses(memory, free, file, header);
    if (!is_elf(file.bytes())) {
        file.refuse("flags", "the header gives no addresses (bit 16), and the file is not ELF");
    }
    const Elf elf = parse_elf(file);
    load_segments(memory, file, elf, 0);
    // A kernel counts what lies between its segments as its own.
    free.take(elf.start(), elf.end() - elf.start());
    return elf.entry;
}

// As GRUB, which reads all its files through a decompressor; kernels are often packed so.
bool is_gzip(std::span<const std::byte> bytes) {
    return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

CpuState load_unpacked(GuestMemory& memory, const MultibootKernel& kernel, const ImageBytes& file,
                       const ModuleContents& modules) {
    if (file.bytes().empty()) file.refuse("kernel", "the file is empty");
    check_cmdline(file, kernel.cmdline);
    check_modules(file, kernel.modules);
    const MultibootHeader header = find_multiboot_header(file);
    write_bios_data(memory);
    FreeMemory free(memory);
    const GuestAddress entry = load_kernel(memory, free, file, header);

    MultibootInformation information(kernel.cmdline, kernel.modules, header.wants_video_mode,
                                     memory_map(memory));
    // Below the modules: a kernel that takes the memory behind them as free does not take this.
    information.place(free, file);
    const auto loaded = load_modules(memory, free, kernel.modules, modules);
    information.write(memory, loaded);

    CpuState state = enter_protected_mode(memory, information.gdt());
    state.rip = entry;
    state.gpr[kRax] = kBootloaderMagic;
    state.gpr[kRbx] = information.address();
    return state;
}

}  // namespace

CpuState load_multiboot(GuestMemory& memory, const MultibootKernel& kernel,
                        std::span<const std::byte> bytes, const ModuleContents& modules) {
    if (is_gzip(bytes)) {
        const Unpacked unpacked =
            decompress(Compression::kGzip, bytes, std::min(memory.size(), kMaxImageFile),
                       kernel.path.string());
        return load_unpacked(memory, kernel,
                             ImageBytes(kernel.path.string(), unpacked.bytes(), "unpacked file"),
                             modules);
    }
    return load_unpacked(memory, kernel, ImageBytes(kernel.path.string(), bytes), modules);
}

CpuState load_multiboot(GuestMemory& memory, const MultibootKernel& kernel) {
    const std::vector<std::byte> bytes = read_image_file(kernel.path, "kernel", kMaxImageFile);
    return load_multiboot(memory, kernel, bytes, read_modules(kernel.modules, memory.size()));
}

}  // namespace hvlab
