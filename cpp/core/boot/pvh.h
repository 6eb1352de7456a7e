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

// A kernel with a PVH entry point (Xen: docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h): an
// ELF executable, or a Linux bzImage that holds one.
struct PvhKernel {
    std::filesystem::path path;
    std::string cmdline = {};
    std::vector<BootModule> modules = {};  // the first is Linux's initrd
};

// Loads the kernel, then, at the lowest free pages from 1 MiB on, hvm_start_info version 1 with all
// that it points to, and the modules; returns the state at the entry point that the kernel's note
// XEN_ELFNOTE_PHYS32_ENTRY gives. docs/boot.md has the details. Throws BootError, naming the file
// and the field of it that is wrong. The bytes of all files are untrusted.
CpuState load_pvh(GuestMemory& memory, const PvhKernel& kernel);

// The same from bytes at hand; the paths of `kernel` only name them in errors.
CpuState load_pvh(GuestMemory& memory, const PvhKernel& kernel, std::span<const std::byte> bytes,
                  const ModuleContents& modules);

}  // namespace hvlab
