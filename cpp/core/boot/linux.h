// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// What to boot Linux with, or what is made like it (memtest86+). `kernel` is a bzImage (boot
// protocol 2.06 or newer) or an uncompressed 64-bit vmlinux.
struct LinuxBoot {
    std::filesystem::path kernel;
    std::optional<std::filesystem::path> initrd = std::nullopt;
    std::string cmdline = {};
};

// Loads kernel, initrd, command line and boot parameters as docs/boot.md describes, and returns the
// state in which the kernel's entry point is reached (Linux: Documentation/arch/x86/boot.rst). A
// 64-bit Linux kernel is decompressed here, by the host, and entered directly ("64-bit Boot
// Protocol"): it is not relocated, so kernel address space randomisation does not happen. Any other
// bzImage is entered at its code32_start ("32-bit Boot Protocol"). Throws BootError, naming the
// file and the field of it that is wrong. The bytes of both files are untrusted.
CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot);

// The same from bytes at hand; the paths of `boot` only name them in errors. `initrd` is used if
// `boot.initrd` is set.
CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot, std::span<const std::byte> kernel,
                    std::span<const std::byte> initrd);

}  // namespace hvlab
