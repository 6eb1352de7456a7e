// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/boot/boot_block.h"
#include "core/boot/boot_module.h"
#include "core/boot/image_file.h"
#include "core/boot/memory_map.h"
#include "core/boot/placement.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// The information structure of the Multiboot Specification 0.6.96 (s. 3.3) with all that it points
// to, and the GDT of the entry state. First it is laid out and placed, then the modules are, and
// then it is written.
class MultibootInformation {
public:
    // `video_mode`: the kernel wants to be told of one.
    MultibootInformation(const std::string& cmdline, std::span<const BootModule> modules,
                         bool video_mode, std::vector<MemoryRange> map);

    void place(FreeMemory& free, const ImageBytes& kernel) { block_.place(free, kernel); }
    GuestAddress address() const { return block_.address(information_); }
    GuestAddress gdt() const { return block_.address(gdt_); }

    // `modules`: where those of the constructor lie.
    void write(GuestMemory& memory, std::span<const LoadedModule> modules);

private:
    struct Structure;

    std::uint32_t pointer(BootBlock::Offset offset) const;
    Structure structure(std::size_t modules) const;
    void put_map();
    void put_modules(std::span<const LoadedModule> modules);

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

}  // namespace hvlab
