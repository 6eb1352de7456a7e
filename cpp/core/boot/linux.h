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

// What to boot Linux with. `kernel` is a 64-bit bzImage (boot protocol 2.12 or newer) or an
// uncompressed vmlinux.
struct LinuxBoot {
    std::filesystem::path kernel;
    std::optional<std::filesystem::path> initrd = std::nullopt;
    std::string cmdline = {};
};

// Loads kernel, initrd, command line and boot parameters as docs/boot.md describes, and returns the
// state in which the kernel's 64-bit entry point is reached (Linux:
// Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"). The kernel is decompressed here, by the
// host, and entered directly: it is not relocated, so kernel address space randomisation does not
// happen. Throws BootError, naming the file and the field of it that is wrong. The bytes of both
// files are untrusted.
CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot);

// The same from bytes at hand; the paths of `boot` only name them in errors. `initrd` is used if
// `boot.initrd` is set.
CpuState load_linux(GuestMemory& memory, const LinuxBoot& boot, std::span<const std::byte> kernel,
                    std::span<const std::byte> initrd);

}  // namespace hvlab
