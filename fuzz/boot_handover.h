// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the targets share that load a kernel with modules: two of these, and what must be true of
// every stretch of memory that is handed over.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/boot/boot_module.h"
#include "core/boot/elf.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/guest_memory.h"

namespace hvlab::fuzz {

inline constexpr std::string_view kCmdline = "console=ttyS0";

inline std::vector<BootModule> module_requests() {
    return {{.path = "first", .cmdline = "one"}, {.path = "second", .cmdline = ""}};
}

inline ModuleContents module_contents() {
    return {std::vector<std::byte>(5000, std::byte{0xA5}), std::vector<std::byte>(1, std::byte{1})};
}

// Collects what must lie on nothing else, and in memory from 1 MiB on.
class Stretches {
public:
    explicit Stretches(GuestMemory& memory) : memory_(memory) {}

    void add(GuestAddress start, std::uint64_t size) {
        HVLAB_ASSERT(start >= kMiB && memory_.contains(start, size));
        for (const auto& [other, length] : stretches_) {
            HVLAB_ASSERT(start + size <= other || other + length <= start);
        }
        stretches_.push_back({start, size});
    }

    void add_module(GuestAddress start, const std::vector<std::byte>& content) {
        HVLAB_ASSERT(is_aligned(start, kPageSize));
        HVLAB_ASSERT(std::ranges::equal(memory_.host_bytes(start, content.size()), content));
        add(start, content.size());
    }

    void add_text(GuestAddress start, std::string_view text) {
        const auto bytes = memory_.host_bytes(start, text.size() + 1);
        HVLAB_ASSERT(std::ranges::equal(bytes.first(text.size()), std::as_bytes(std::span(text))));
        HVLAB_ASSERT(bytes.back() == std::byte{0});
        add(start, text.size() + 1);
    }

private:
    struct Stretch {
        GuestAddress start;
        std::uint64_t size;
    };

    GuestMemory& memory_;
    std::vector<Stretch> stretches_;
};

// The segments as the file has them: what was added lies on none of them.
inline void check_segments(GuestMemory& memory, const ImageBytes& image, const CpuState& state) {
    const Elf elf = parse_elf(image);
    bool entered = false;
    for (const Elf::Segment& segment : elf.segments) {
        const auto loaded = memory.host_bytes(segment.address, segment.memory_size);
        if (segment.file_size > 0) {
            const auto file = image.slice(segment.file_offset, segment.file_size, "segment");
            HVLAB_ASSERT(std::ranges::equal(loaded.first(segment.file_size), file));
        }
        HVLAB_ASSERT(std::ranges::all_of(loaded.subspan(segment.file_size),
                                         [](std::byte byte) { return byte == std::byte{0}; }));
        entered = entered || (state.rip >= segment.address && state.rip < segment.end());
    }
    HVLAB_ASSERT(entered);
}

// The state of a 32-bit entry.
inline void check_state(GuestMemory& memory, const CpuState& state) {
    HVLAB_ASSERT(state.cr0 == 0x11 && state.rflags == 2 && memory.contains(state.rip, 1));
    const GuestAddress code = state.gdtr.base + state.cs.selector;
    HVLAB_ASSERT(*memory.read_value<std::uint64_t>(code) == 0x00CF9B000000FFFF);
}

}  // namespace hvlab::fuzz
