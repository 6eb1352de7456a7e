// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a multiboot kernel: BootError, or a machine in which kernel, information, texts and
// modules are where they are said to be, and none lies on another.
#include "boot_handover.h"
#include "core/boot/multiboot.h"
#include "core/boot/multiboot_header.h"

using namespace hvlab;

namespace {

void check(GuestMemory& memory, const ImageBytes& image, const CpuState& state,
           const ModuleContents& modules) {
    const auto word = [&](GuestAddress address) {
        return *memory.read_value<std::uint32_t>(address);
    };
    fuzz::check_state(memory, state);
    const MultibootHeader header = find_multiboot_header(image);
    if (!header.addresses) fuzz::check_segments(memory, image, state);
    HVLAB_ASSERT(state.gpr[kRax] == 0x2BADB002);
    const GuestAddress information = state.gpr[kRbx];
    HVLAB_ASSERT((word(information) & ~0x1000u) == 0x24D);
    fuzz::Stretches stretches(memory);
    stretches.add(information, 116);
    stretches.add(state.gdtr.base, state.gdtr.limit + std::uint64_t{1});
    stretches.add_text(word(information + 16), fuzz::kCmdline);
    stretches.add_text(word(information + 64), "hvlab");
    stretches.add(word(information + 48), word(information + 44));
    HVLAB_ASSERT(word(information + 20) == modules.size());
    const GuestAddress list = word(information + 24);
    stretches.add(list, modules.size() * 16);
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const GuestAddress entry = list + i * 16;
        HVLAB_ASSERT(word(entry + 4) - word(entry) == modules[i].size());
        stretches.add_module(word(entry), modules[i]);
        stretches.add_text(word(entry + 8), fuzz::module_requests()[i].cmdline);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(2 * kMiB);
    static const ModuleContents modules = fuzz::module_contents();
    static const MultibootKernel kernel{.path = "kernel",
                                        .cmdline = std::string(fuzz::kCmdline),
                                        .modules = fuzz::module_requests()};
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const CpuState state = load_multiboot(memory, kernel, bytes, modules);
        // A packed one is known only after it is unpacked: decompress() has a target of its own.
        const bool packed = size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
        if (!packed) check(memory, ImageBytes("kernel", bytes), state, modules);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "kernel" || error.path() == "first" ||
                     error.path() == "second");
        HVLAB_ASSERT(!error.field().empty());
    }
    return 0;
}
