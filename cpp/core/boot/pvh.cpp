// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/pvh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/boot/boot_block.h"
#include "core/boot/bzimage.h"
#include "core/boot/elf.h"
#include "core/boot/elf_notes.h"
#include "core/boot/image_file.h"
#include "core/boot/memory_map.h"
#include "core/boot/placement.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

constexpr std::uint32_t kPhys32Entry = 18;
constexpr const char* kPhys32EntryName = "XEN_ELFNOTE_PHYS32_ENTRY";

// start_info.h, version 1.
struct StartInfo {
    std::uint32_t magic = 0x336EC578;
    std::uint32_t version = 1;
    std::uint32_t flags = 0;
    std::uint32_t nr_modules = 0;
    std::uint64_t modlist_paddr = 0;
    std::uint64_t cmdline_paddr = 0;
    std::uint64_t rsdp_paddr = 0;  // there are no ACPI tables
    std::uint64_t memmap_paddr = 0;
    std::uint32_t memmap_entries = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(StartInfo) == 56);

struct ModuleEntry {
    std::uint64_t paddr = 0;
    std::uint64_t size = 0;
    std::uint64_t cmdline_paddr = 0;
    std::uint64_t reserved = 0;
};
static_assert(sizeof(ModuleEntry) == 32);

struct MapEntry {
    std::uint64_t addr = 0;
    std::uint64_t size = 0;
    std::uint32_t type = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(MapEntry) == 24);

// The note's description is a number as wide as the kernel's author liked it.
std::uint64_t entry_of(const ImageBytes& image, std::span<const std::byte> description) {
    const ImageBytes bytes(image.path(), description, "note");
    switch (description.size()) {
        case 4:
            return bytes.load<std::uint32_t>(0, kPhys32EntryName);
        case 8:
            return bytes.load<std::uint64_t>(0, kPhys32EntryName);
        default:
            image.refuse(kPhys32EntryName,
                         fmt::format("has {} bytes; 4 and 8 are possible", description.size()));
    }
}

GuestAddress find_entry(const ImageBytes& image, const Elf& elf) {
    std::optional<GuestAddress> entry;
    for (const auto description : find_notes(image, elf, "Xen", kPhys32Entry)) {
        const GuestAddress address = entry_of(image, description);
        if (entry && *entry != address) {
            image.refuse(kPhys32EntryName,
                         fmt::format("is there twice, with {:#x} and {:#x}", *entry, address));
        }
        entry = address;
    }
    if (!entry) {
        image.refuse(kPhys32EntryName, "there is no such note: the kernel has no PVH entry point");
    }
    const auto holds_entry = [&](const Elf::Segment& segment) {
        return *entry >= segment.address && *entry < segment.end();
    };
    if (std::ranges::none_of(elf.segments, holds_entry)) {
        image.refuse(kPhys32EntryName, fmt::format("{:#x} is in no segment", *entry));
    }
    return *entry;
}

// Returns the entry.
GuestAddress load_vmlinux(GuestMemory& memory, FreeMemory& free, const ImageBytes& image) {
    const Elf elf = parse_elf(image);
    const GuestAddress entry = find_entry(image, elf);
    load_segments(memory, image, elf, 0);
    // A kernel counts what lies between its segments as its own.
    free.take(elf.start(), elf.end() - elf.start());
    return entry;
}

GuestAddress load_kernel(GuestMemory& memory, FreeMemory& free, const ImageBytes& file) {
    if (!is_bzimage(file.bytes())) return load_vmlinux(memory, free, file);
    const Unpacked vmlinux = unpack(parse_bzimage(file), file, memory.size());
    return load_vmlinux(memory, free, ImageBytes(file.path(), vmlinux.bytes(), "unpacked payload"));
}

// The start information and what it points to, with places for the modules' addresses.
class StartInfoBlock {
public:
    StartInfoBlock(const PvhKernel& kernel, std::vector<MemoryRange> map) : map_(std::move(map)) {
        start_info_ = block_.reserve(sizeof(StartInfo));
        gdt_ = block_.reserve(kProtectedModeGdtSize);
        cmdline_ = block_.add_text(kernel.cmdline);
        map_entries_ = block_.reserve(map_.size() * sizeof(MapEntry));
        module_entries_ = block_.reserve(kernel.modules.size() * sizeof(ModuleEntry));
        for (const BootModule& module : kernel.modules) {
            module_cmdlines_.push_back(block_.add_text(module.cmdline));
        }
    }

    void place(FreeMemory& free, const ImageBytes& kernel) { block_.place(free, kernel); }
    GuestAddress gdt() const { return block_.address(gdt_); }
    GuestAddress start_info() const { return block_.address(start_info_); }

    void write(GuestMemory& memory, std::span<const LoadedModule> modules) {
        const bool has_modules = !modules.empty();
        block_.put(start_info_,
                   StartInfo{.nr_modules = static_cast<std::uint32_t>(modules.size()),
                             .modlist_paddr = has_modules ? block_.address(module_entries_) : 0,
                             .cmdline_paddr = block_.address(cmdline_),
                             .memmap_paddr = block_.address(map_entries_),
                             .memmap_entries = static_cast<std::uint32_t>(map_.size())});
        for (std::size_t i = 0; i < map_.size(); ++i) {
            const MapEntry entry{.addr = map_[i].start,
                                 .size = map_[i].end - map_[i].start,
                                 .type = static_cast<std::uint32_t>(map_[i].type)};
            block_.put(map_entries_ + i * sizeof entry, entry);
        }
        for (std::size_t i = 0; i < modules.size(); ++i) {
            const ModuleEntry entry{.paddr = modules[i].start,
                                    .size = modules[i].size,
                                    .cmdline_paddr = block_.address(module_cmdlines_[i])};
            block_.put(module_entries_ + i * sizeof entry, entry);
        }
        block_.write(memory);
    }

private:
    std::vector<MemoryRange> map_;
    BootBlock block_;
    BootBlock::Offset start_info_ = 0;
    BootBlock::Offset gdt_ = 0;
    BootBlock::Offset cmdline_ = 0;
    BootBlock::Offset map_entries_ = 0;
    BootBlock::Offset module_entries_ = 0;
    std::vector<BootBlock::Offset> module_cmdlines_;
};

}  // namespace

CpuState load_pvh(GuestMemory& memory, const PvhKernel& kernel, std::span<const std::byte> bytes,
                  const ModuleContents& modules) {
    const ImageBytes file(kernel.path.string(), bytes);
    if (bytes.empty()) file.refuse("kernel", "the file is empty");
    check_cmdline(file, kernel.cmdline);
    check_modules(file, kernel.modules);
    FreeMemory free(memory);
    const GuestAddress entry = load_kernel(memory, free, file);

    StartInfoBlock block(kernel, memory_map(memory));
    block.place(free, file);
    const auto loaded = load_modules(memory, free, kernel.modules, modules);
    block.write(memory, loaded);

    CpuState state = enter_protected_mode(memory, block.gdt());
    state.rip = entry;
    state.gpr[kRbx] = block.start_info();
    return state;
}

CpuState load_pvh(GuestMemory& memory, const PvhKernel& kernel) {
    const std::vector<std::byte> bytes = read_image_file(kernel.path, "kernel", kMaxImageFile);
    return load_pvh(memory, kernel, bytes, read_modules(kernel.modules, memory.size()));
}

}  // namespace hvlab
