// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/boot/boot_block.h"
#include "core/boot/decompress.h"
#include "core/boot/elf.h"
#include "core/boot/image_file.h"
#include "core/boot/memory_map.h"
#include "core/boot/multiboot_header.h"
#include "core/boot/placement.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

constexpr std::uint32_t kBootloaderMagic = 0x2BADB002;
constexpr const char* kLoaderName = "hvlab";

// Which of its fields are valid.
constexpr std::uint32_t kHasMemory = 1 << 0;
constexpr std::uint32_t kHasCmdline = 1 << 2;
constexpr std::uint32_t kHasModules = 1 << 3;
constexpr std::uint32_t kHasMemoryMap = 1 << 6;
constexpr std::uint32_t kHasLoaderName = 1 << 9;
constexpr std::uint32_t kHasFramebuffer = 1 << 12;

// The structures of s. 3.3.
struct Information {
    std::uint32_t flags = 0;
    std::uint32_t mem_lower = 0;  // KiB from 0
    std::uint32_t mem_upper = 0;  // KiB from 1 MiB
    std::uint32_t boot_device = 0;
    std::uint32_t cmdline = 0;
    std::uint32_t mods_count = 0;
    std::uint32_t mods_addr = 0;
    std::array<std::uint32_t, 4> syms{};
    std::uint32_t mmap_length = 0;
    std::uint32_t mmap_addr = 0;
    std::array<std::uint32_t, 3> drives_and_config{};
    std::uint32_t boot_loader_name = 0;
    std::uint32_t apm_table = 0;
    std::array<std::uint32_t, 4> vbe{};
    std::array<std::uint32_t, 2> framebuffer_addr{};  // low, high: not aligned to 8
    std::uint32_t framebuffer_pitch = 0;
    std::uint32_t framebuffer_width = 0;
    std::uint32_t framebuffer_height = 0;
    std::uint8_t framebuffer_bpp = 0;
    std::uint8_t framebuffer_type = 0;
    std::array<std::uint8_t, 6> color_info{};
};
static_assert(sizeof(Information) == 116);

struct ModuleEntry {
    std::uint32_t start = 0;
    std::uint32_t end = 0;
    std::uint32_t cmdline = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(ModuleEntry) == 16);

struct [[gnu::packed]] MapEntry {
    std::uint32_t size = 20;  // of what follows
    std::uint64_t address = 0;
    std::uint64_t length = 0;
    std::uint32_t type = 0;
};
static_assert(sizeof(MapEntry) == 24);

// All that is placed lies below the device hole.
std::uint32_t address32(GuestAddress address) {
    HVLAB_ASSERT(address < kPciHoleStart);
    return static_cast<std::uint32_t>(address);
}

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

// The information structure and what it points to, with places for the modules' addresses.
class InformationBlock {
public:
    InformationBlock(const MultibootKernel& kernel, bool video_mode, std::vector<MemoryRange> map)
        : map_(std::move(map)), video_mode_(video_mode) {
        information_ = block_.reserve(sizeof(Information));
        gdt_ = block_.reserve(kProtectedModeGdtSize);
        cmdline_ = block_.add_text(kernel.cmdline);
        loader_name_ = block_.add_text(kLoaderName);
        map_entries_ = block_.reserve(map_.size() * sizeof(MapEntry));
        module_entries_ = block_.reserve(kernel.modules.size() * sizeof(ModuleEntry));
        for (const BootModule& module : kernel.modules) {
            module_cmdlines_.push_back(block_.add_text(module.cmdline));
        }
    }

    void place(FreeMemory& free, const ImageBytes& kernel) { block_.place(free, kernel); }
    GuestAddress gdt() const { return block_.address(gdt_); }
    GuestAddress information() const { return block_.address(information_); }

    void write(GuestMemory& memory, std::span<const LoadedModule> modules) {
        block_.put(information_, filled_in(modules.size()));
        for (std::size_t i = 0; i < map_.size(); ++i) {
            const MapEntry entry{.address = map_[i].start,
                                 .length = map_[i].end - map_[i].start,
                                 .type = static_cast<std::uint32_t>(map_[i].type)};
            block_.put(map_entries_ + i * sizeof entry, entry);
        }
        for (std::size_t i = 0; i < modules.size(); ++i) {
            const ModuleEntry entry{
                .start = address32(modules[i].start),
                .end = address32(modules[i].start) + static_cast<std::uint32_t>(modules[i].size),
                .cmdline = pointer(module_cmdlines_[i])};
            block_.put(module_entries_ + i * sizeof entry, entry);
        }
        block_.write(memory);
    }

private:
    std::uint32_t pointer(BootBlock::Offset offset) const {
        return address32(block_.address(offset));
    }

    Information filled_in(std::size_t modules) const {
        Information information{
            .flags = kHasMemory | kHasCmdline | kHasModules | kHasMemoryMap | kHasLoaderName,
            .mem_lower = kLowMemoryEnd / kKiB,
            .cmdline = pointer(cmdline_),
            .mods_count = static_cast<std::uint32_t>(modules),
            .mods_addr = pointer(module_entries_),
            .mmap_length = static_cast<std::uint32_t>(map_.size() * sizeof(MapEntry)),
            .mmap_addr = pointer(map_entries_),
            .boot_loader_name = pointer(loader_name_)};
        for (const MemoryRange& range : map_) {
            if (range.type == MemoryType::kRam && range.start == 1 * kMiB) {
                information.mem_upper = static_cast<std::uint32_t>((range.end - kMiB) / kKiB);
            }
        }
        if (video_mode_) set_text_mode(information);
        return information;
    }

    // There is one mode, whatever was asked for: the specification lets a loader set another
    // (s. 3.1.4).
    static void set_text_mode(Information& information) {
        constexpr std::uint8_t kEgaText = 2;
        information.flags |= kHasFramebuffer;
        information.framebuffer_addr = {0xB8000, 0};
        information.framebuffer_pitch = 160;
        information.framebuffer_width = 80;
        information.framebuffer_height = 25;
        information.framebuffer_bpp = 16;
        information.framebuffer_type = kEgaText;
    }

    std::vector<MemoryRange> map_;
    bool video_mode_;
    BootBlock block_;
    BootBlock::Offset information_ = 0;
    BootBlock::Offset gdt_ = 0;
    BootBlock::Offset cmdline_ = 0;
    BootBlock::Offset loader_name_ = 0;
    BootBlock::Offset map_entries_ = 0;
    BootBlock::Offset module_entries_ = 0;
    std::vector<BootBlock::Offset> module_cmdlines_;
};

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

    InformationBlock block(kernel, header.wants_video_mode, memory_map(memory));
    // Below the modules: a kernel that takes the memory behind them as free does not take this.
    block.place(free, file);
    const auto loaded = load_modules(memory, free, kernel.modules, modules);
    block.write(memory, loaded);

    CpuState state = enter_protected_mode(memory, block.gdt());
    state.rip = entry;
    state.gpr[kRax] = kBootloaderMagic;
    state.gpr[kRbx] = block.information();
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
