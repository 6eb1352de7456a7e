// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/boot/placement.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// A file that a boot loader puts into memory beside the kernel, with a text for it.
struct BootModule {
    std::filesystem::path path;
    std::string cmdline = {};
};

inline constexpr std::size_t kMaxModules = 64;
// Of a kernel or a module, without the terminating zero.
inline constexpr std::size_t kMaxCmdline = 4095;

using ModuleContents = std::vector<std::vector<std::byte>>;

// The files' bytes, together no more than `memory_size`. Throws BootError ("module N").
ModuleContents read_modules(std::span<const BootModule> modules, std::uint64_t memory_size);

// BootError for more modules than possible, and for command lines that are too long or have a NUL
// inside.
void check_modules(const ImageBytes& kernel, std::span<const BootModule> modules);
void check_cmdline(const ImageBytes& file, const std::string& cmdline);

struct LoadedModule {
    GuestAddress start = 0;  // a page's beginning
    std::uint64_t size = 0;
};

// In order, each at the lowest free page. `contents` has one for each module.
std::vector<LoadedModule> load_modules(GuestMemory& memory, FreeMemory& free,
                                       std::span<const BootModule> modules,
                                       const ModuleContents& contents);

}  // namespace hvlab
