// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// A program that runs in 64-bit user mode from its first instruction on, under a kernel of a few
// stubs that the loader brings along: fast wherever guest code is not emulated, and wherever only
// user mode is not (docs/design/micro-guests.md).
struct MicroImage {
    struct Ports {
        std::uint16_t first = 0;
        std::uint16_t last = 0;

        bool operator==(const Ports&) const = default;
    };
    static constexpr std::size_t kMaxPortRanges = 64;

    std::filesystem::path path;  // a static ELF64 executable, or anything else: a flat binary
    std::string cmdline = {};
    // What user mode may access; nothing: all but the shim's own.
    std::optional<std::vector<Ports>> ports = {};
};

// Loads the image at its addresses, from 1 MiB on, and returns the state in which it is entered.
// Throws BootError, naming the file and the field of it, or of the request, that is wrong. The
// bytes of the file are untrusted.
CpuState load_micro(GuestMemory& memory, const MicroImage& image);

// The same from bytes at hand; `image.path` only names them in errors.
CpuState load_micro(GuestMemory& memory, const MicroImage& image, std::span<const std::byte> bytes);

}  // namespace hvlab
