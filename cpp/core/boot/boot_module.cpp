// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/boot_module.h"

#include <fmt/format.h>

namespace hvlab {

ModuleContents read_modules(std::span<const BootModule> modules, std::uint64_t memory_size) {
    ModuleContents contents;
    std::uint64_t left = memory_size;
    for (const BootModule& module : modules) {
        const std::string field = fmt::format("module {}", contents.size());
        contents.push_back(read_image_file(module.path, field, left));
        left -= contents.back().size();
    }
    return contents;
}

void check_cmdline(const ImageBytes& file, const std::string& cmdline) {
    if (cmdline.size() > kMaxCmdline) {
        file.refuse("cmdline",
                    fmt::format("{} bytes; at most {} can be passed", cmdline.size(), kMaxCmdline));
    }
    if (cmdline.find('\0') != std::string::npos) file.refuse("cmdline", "has a NUL inside");
}

void check_modules(const ImageBytes& kernel, std::span<const BootModule> modules) {
    if (modules.size() > kMaxModules) {
        kernel.refuse("modules", fmt::format("{} of them; at most {} are possible", modules.size(),
                                             kMaxModules));
    }
    for (const BootModule& module : modules) {
        check_cmdline(ImageBytes(module.path.string(), {}), module.cmdline);
    }
}

std::vector<LoadedModule> load_modules(GuestMemory& memory, FreeMemory& free,
                                       std::span<const BootModule> modules,
                                       const ModuleContents& contents) {
    HVLAB_ASSERT(modules.size() == contents.size());
    std::vector<LoadedModule> loaded;
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const ImageBytes file(modules[i].path.string(), contents[i]);
        const std::string field = fmt::format("module {}", i);
        if (file.bytes().empty()) file.refuse(field, "the file is empty");
        const auto start = free.place(file.size());
        if (!start) {
            file.refuse(field, fmt::format("no room for {} bytes between 1 MiB and the end of "
                                           "memory",
                                           file.size()));
        }
        HVLAB_ASSERT(memory.write(*start, file.bytes()));
        loaded.push_back({.start = *start, .size = file.size()});
    }
    return loaded;
}

}  // namespace hvlab
