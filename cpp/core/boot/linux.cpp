// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/linux.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/boot/boot_params.h"
#include "core/boot/bzimage.h"
#include "core/boot/elf.h"
#include "core/boot/image_file.h"
#include "core/boot/long_mode.h"
#include "core/boot/low_memory.h"
#include "core/boot/placement.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

// Low memory while the kernel starts, behind the tables; it copies what it needs early on and takes
// the rest as free RAM.
constexpr GuestAddress kBootParams = 0x10000;
constexpr GuestAddress kCmdline = 0x20000;
constexpr GuestAddress kCmdlineEnd = 0x90000;
static_assert(kLowTablesEnd <= kBootParams);

constexpr GuestAddress kLowestKernel = 1 * kMiB;

// For a vmlinux, which has no setup header: what every 64-bit kernel of the last years says in its
// own.
constexpr std::uint32_t kVmlinuxCmdlineSize = 2047;
constexpr GuestAddress kVmlinuxInitrdAddrMax = 0x7FFFFFFF;

// The kernel as it lies in memory, and its conditions.
struct LoadedKernel {
    bool is_64_bit = true;  // how it is entered
    GuestAddress entry = 0;
    GuestAddress start = 0;
    GuestAddress end = 0;  // of all that it needs before it knows the memory map
    std::span<const std::byte> setup_header{};
    std::uint32_t cmdline_size = kVmlinuxCmdlineSize;
    GuestAddress initrd_addr_max = kVmlinuxInitrdAddrMax;
};

LoadedKernel load_vmlinux(GuestMemory& memory, const ImageBytes& image) {
    const Elf elf = parse_elf(image);
    if (elf.elf_class != ElfClass::k64) {
        image.refuse("e_ident", "not a 64-bit ELF file: only 64-bit kernels can be booted");
    }
    load_segments(memory, image, elf, kLowestKernel);
    return {.entry = elf.entry, .start = elf.start(), .end = elf.end()};
}

// From `start` on; the end of it.
GuestAddress check_init_size(const GuestMemory& memory, const ImageBytes& file, GuestAddress start,
                             std::uint64_t size) {
    if (!memory.contains(start, size)) {
        file.refuse("init_size", fmt::format("the kernel needs {} bytes at {:#x}, which {} MiB of "
                                             "memory do not have",
                                             size, start, memory.size() / kMiB));
    }
    return start + size;
}

// Unpacked here, and entered directly.
LoadedKernel load_64_bit(GuestMemory& memory, const ImageBytes& file, const BzImage& image) {
    const Unpacked vmlinux = unpack(image, file, memory.size());
    LoadedKernel kernel =
        load_vmlinux(memory, ImageBytes(file.path(), vmlinux.bytes(), "unpacked payload"));
    if (image.init_size == 0) file.refuse("init_size", "is 0");
    kernel.end = std::max(kernel.end, check_init_size(memory, file, kernel.start, image.init_size));
    return kernel;
}

// As it is: what there is to unpack, it unpacks by itself (boot.rst, "32-bit Boot Protocol").
LoadedKernel load_32_bit(GuestMemory& memory, const ImageBytes& file, const BzImage& image) {
    const GuestAddress start = image.code32_start;
    const std::uint64_t size = image.protected_mode_part.size();
    if (start < kLowestKernel) {
        file.refuse("code32_start", fmt::format("{:#x} is below 1 MiB", start));
    }
    check_place(memory, file, "code32_start", start, size);
    HVLAB_ASSERT(memory.write(start, image.protected_mode_part));
    LoadedKernel kernel{.is_64_bit = false, .entry = start, .start = start, .end = start + size};
    if (image.init_size != 0) {
        const GuestAddress runs_at = std::max(start, image.pref_address);
        kernel.end = std::max(kernel.end, check_init_size(memory, file, runs_at, image.init_size));
    }
    return kernel;
}

LoadedKernel load_bzimage(GuestMemory& memory, const ImageBytes& file) {
    const BzImage image = parse_bzimage(file);
    LoadedKernel kernel = image.has_64_bit_vmlinux() ? load_64_bit(memory, file, image)
                                                     : load_32_bit(memory, file, image);
    kernel.setup_header = image.setup_header;
    kernel.cmdline_size = image.cmdline_size;
    kernel.initrd_addr_max = image.initrd_addr_max;
    return kernel;
}

LoadedKernel load_kernel(GuestMemory& memory, const ImageBytes& file) {
    if (file.bytes().empty()) file.refuse("kernel", "the file is empty");
    if (is_bzimage(file.bytes())) return load_bzimage(memory, file);
    if (is_elf(file.bytes())) return load_vmlinux(memory, file);
    file.refuse("kernel", "neither a bzImage (no 'HdrS' at 202h) nor an ELF file");
}

void load_cmdline(GuestMemory& memory, const ImageBytes& file, const std::string& cmdline,
                  std::uint32_t limit) {
    if (cmdline.size() > limit) {
        file.refuse("cmdline",
                    fmt::format("{} bytes; this kernel takes {}", cmdline.size(), limit));
    }
    if (cmdline.size() >= kCmdlineEnd - kCmdline) {
        file.refuse("cmdline", fmt::format("{} bytes; at most {} can be passed", cmdline.size(),
                                           kCmdlineEnd - kCmdline - 1));
    }
    if (cmdline.find('\0') != std::string::npos) file.refuse("cmdline", "has a NUL inside");
    // c_str() has the terminating zero behind it.
    HVLAB_ASSERT(
        memory.write(kCmdline, std::as_bytes(std::span(cmdline.c_str(), cmdline.size() + 1))));
}

// As high as the kernel allows, page-aligned; returns the address.
GuestAddress load_initrd(GuestMemory& memory, const ImageBytes& initrd,
                         const LoadedKernel& kernel) {
    if (initrd.bytes().empty()) initrd.refuse("initrd", "the file is empty");
    const GuestAddress top = std::min(memory.end_below_4gib(), kernel.initrd_addr_max + 1);
    const GuestAddress lowest = align_up(kernel.end, kPageSize);
    if (top < lowest || initrd.size() > top - lowest) {
        initrd.refuse("initrd", fmt::format("{} bytes do not fit between the kernel's end at {:#x} "
                                            "and {:#x}",
                                            initrd.size(), lowest, top));
    }
    const GuestAddress address = (top - initrd.size()) & ~(kPageSize - 1);
    HVLAB_ASSERT(memory.write(address, initrd.bytes()));
    return address;
}

}  // namespace

CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot, std::span<const std::byte> kernel,
                    std::span<const std::byte> initrd) {
    const ImageBytes file(boot.kernel.string(), kernel);
    const LoadedKernel loaded = load_kernel(memory, file);
    load_cmdline(memory, file, boot.cmdline, loaded.cmdline_size);

    BootParams params(loaded.setup_header);
    params.set_cmdline(kCmdline);
    params.set_memory_map(memory);
    if (boot.initrd) {
        const ImageBytes image(boot.initrd->string(), initrd);
        params.set_initrd(load_initrd(memory, image, loaded), image.size());
    }
    HVLAB_ASSERT(memory.write(kBootParams, params.bytes()));

    CpuState state = loaded.is_64_bit
                         ? enter_long_mode(memory, {.gdt = kLowGdt, .pages = kLowPageTables})
                         : enter_protected_mode(memory, kLowGdt);
    state.rip = loaded.entry;
    state.gpr[kRsi] = kBootParams;
    state.gpr[kRsp] = kLowStackTop;
    return state;
}

CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot) {
    const std::vector<std::byte> kernel = read_image_file(boot.kernel, "kernel", kMaxImageFile);
    std::vector<std::byte> initrd;
    if (boot.initrd) initrd = read_image_file(*boot.initrd, "initrd", memory.size());
    return load_linux(memory, boot, kernel, initrd);
}

}  // namespace hvlab
