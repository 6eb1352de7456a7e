// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/multiboot_information.h"

#include <array>

#include "core/base/status.h"
#include "core/boot/protected_mode.h"

namespace hvlab {
namespace {

constexpr const char* kLoaderName = "hvlab";

// Which of its fields are valid.
constexpr std::uint32_t kHasMemory = 1 << 0;
constexpr std::uint32_t kHasCmdline = 1 << 2;
constexpr std::uint32_t kHasModules = 1 << 3;
constexpr std::uint32_t kHasMemoryMap = 1 << 6;
constexpr std::uint32_t kHasLoaderName = 1 << 9;
constexpr std::uint32_t kHasFramebuffer = 1 << 12;

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

// There is one mode, whatever was asked for: the specification lets a loader set another
// (s. 3.1.4).
void set_text_mode(auto& structure) {
    constexpr std::uint8_t kEgaText = 2;
    structure.flags |= kHasFramebuffer;
    structure.framebuffer_addr = {0xB8000, 0};
    structure.framebuffer_pitch = 160;
    structure.framebuffer_width = 80;
    structure.framebuffer_height = 25;
    structure.framebuffer_bpp = 16;
    structure.framebuffer_type = kEgaText;
}

}  // namespace

struct MultibootInformation::Structure {
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
    std::array<std::uint32_t, 2> framebuffer_addr{};  // low, high
    std::uint32_t framebuffer_pitch = 0;
    std::uint32_t framebuffer_width = 0;
    std::uint32_t framebuffer_height = 0;
    std::uint8_t framebuffer_bpp = 0;
    std::uint8_t framebuffer_type = 0;
    std::array<std::uint8_t, 6> color_info{};
};

MultibootInformation::MultibootInformation(const std::string& cmdline,
                                           std::span<const BootModule> modules, bool video_mode,
                                           std::vector<MemoryRange> map)
    : map_(std::move(map)), video_mode_(video_mode) {
    static_assert(sizeof(Structure) == 116);
    information_ = block_.reserve(sizeof(Structure));
    gdt_ = block_.reserve(kProtectedModeGdtSize);
    cmdline_ = block_.add_text(cmdline);
    loader_name_ = block_.add_text(kLoaderName);
    map_entries_ = block_.reserve(map_.size() * sizeof(MapEntry));
    module_entries_ = block_.reserve(modules.size() * sizeof(ModuleEntry));
    for (const BootModule& module : modules) {
        module_cmdlines_.push_back(block_.add_text(module.cmdline));
    }
}

std::uint32_t MultibootInformation::pointer(BootBlock::Offset offset) const {
    return address32(block_.address(offset));
}

MultibootInformation::Structure MultibootInformation::structure(std::size_t modules) const {
    Structure structure{
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
            structure.mem_upper = static_cast<std::uint32_t>((range.end - kMiB) / kKiB);
        }
    }
    if (video_mode_) set_text_mode(structure);
    return structure;
}

void MultibootInformation::put_map() {
    for (std::size_t i = 0; i < map_.size(); ++i) {
        const MapEntry entry{.address = map_[i].start,
                             .length = map_[i].end - map_[i].start,
                             .type = static_cast<std::uint32_t>(map_[i].type)};
        block_.put(map_entries_ + i * sizeof entry, entry);
    }
}

void MultibootInformation::put_modules(std::span<const LoadedModule> modules) {
    HVLAB_ASSERT(modules.size() == module_cmdlines_.size());
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const std::uint32_t start = address32(modules[i].start);
        const ModuleEntry entry{.start = start,
                                .end = start + static_cast<std::uint32_t>(modules[i].size),
                                .cmdline = pointer(module_cmdlines_[i])};
        block_.put(module_entries_ + i * sizeof entry, entry);
    }
}

void MultibootInformation::write(GuestMemory& memory, std::span<const LoadedModule> modules) {
    block_.put(information_, structure(modules.size()));
    put_map();
    put_modules(modules);
    block_.write(memory);
}

}  // namespace hvlab
