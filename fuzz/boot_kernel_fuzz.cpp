// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a kernel file (bzImage or vmlinux): BootError, or a machine in which kernel, initrd,
// command line, boot parameters and tables are where they are said to be, and none lies on another.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/status.h"
#include "core/boot/linux.h"

using namespace hvlab;

namespace {

constexpr std::string_view kCmdline = "console=ttyS0";

void check(GuestMemory& memory, const CpuState& state, std::span<const std::byte> initrd) {
    HVLAB_ASSERT(state.rip >= kMiB && memory.contains(state.rip, 1));
    const GuestAddress params = state.gpr[kRsi];
    HVLAB_ASSERT(memory.read_value<std::uint32_t>(params + 0x202) == 0x53726448u);
    const auto cmdline = *memory.read_value<std::uint32_t>(params + 0x228);
    const auto text = memory.host_bytes(cmdline, kCmdline.size() + 1);
    HVLAB_ASSERT(
        std::ranges::equal(text.first(kCmdline.size()), std::as_bytes(std::span(kCmdline))));
    HVLAB_ASSERT(text.back() == std::byte{0});
    const auto address = *memory.read_value<std::uint32_t>(params + 0x218);
    HVLAB_ASSERT(*memory.read_value<std::uint32_t>(params + 0x21C) == initrd.size());
    HVLAB_ASSERT(is_aligned(address, kPageSize) && address >= kMiB);
    HVLAB_ASSERT(std::ranges::equal(memory.host_bytes(address, initrd.size()), initrd));
    // The first entries of the page tables and the code segment that is in use.
    HVLAB_ASSERT(!state.cs.l || (*memory.read_value<std::uint64_t>(state.cr3) & 1) != 0);
    HVLAB_ASSERT(*memory.read_value<std::uint64_t>(state.gdtr.base + 0x10) ==
                 (state.cs.l ? 0x00AF9B000000FFFF : 0x00CF9B000000FFFF));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(4 * kMiB);
    std::array<std::byte, 5000> initrd;
    initrd.fill(std::byte{0xA5});
    const LinuxBoot boot{.kernel = "vmlinuz", .initrd = "initrd", .cmdline = std::string(kCmdline)};
    try {
        const CpuState state =
            load_linux(memory, boot, std::as_bytes(std::span(data, size)), initrd);
        check(memory, state, initrd);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "vmlinuz" || error.path() == "initrd");
        HVLAB_ASSERT(!error.field().empty());
    }
    return 0;
}
