// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/boot/boot_module.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// A kernel by the Multiboot Specification, version 0.6.96: an ELF executable, or any file whose
// header gives addresses; packed by gzip, if it likes.
struct MultibootKernel {
    std::filesystem::path path;
    std::string cmdline = {};
    std::vector<BootModule> modules = {};
};

// Loads the kernel, then, at the lowest free pages from 1 MiB on, the information structure with
// all that it points to, and the modules; returns the state that the specification demands (s.
// 3.2). docs/boot.md has the details. Throws BootError, naming the file and the field of it that is
// wrong. The bytes of all files are untrusted.
CpuState load_multiboot(GuestMemory& memory, const MultibootKernel& kernel);

// The same from bytes at hand; the paths of `kernel` only name them in errors.
CpuState load_multiboot(GuestMemory& memory, const MultibootKernel& kernel,
                        std::span<const std::byte> bytes, const ModuleContents& modules);

}  // namespace hvlab
