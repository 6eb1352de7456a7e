// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a PVH kernel: BootError, or a machine in which kernel, start information, texts and
// modules are where they are said to be, and none lies on another.
#include "boot_handover.h"
#include "core/boot/bzimage.h"
#include "core/boot/pvh.h"

using namespace hvlab;

namespace {

void check(GuestMemory& memory, const ImageBytes& image, const CpuState& state,
           const ModuleContents& modules) {
    const auto word = [&](GuestAddress address) {
        return *memory.read_value<std::uint32_t>(address);
    };
    const auto pointer = [&](GuestAddress address) {
        return *memory.read_value<std::uint64_t>(address);
    };
    fuzz::check_state(memory, state);
    if (!is_bzimage(image.bytes())) fuzz::check_segments(memory, image, state);
    const GuestAddress info = state.gpr[kRbx];
    HVLAB_ASSERT(word(info) == 0x336EC578 && word(info + 4) == 1);
    fuzz::Stretches stretches(memory);
    stretches.add(info, 56);
    stretches.add(state.gdtr.base, state.gdtr.limit + std::uint64_t{1});
    stretches.add_text(pointer(info + 24), fuzz::kCmdline);
    stretches.add(pointer(info + 40), word(info + 48) * std::uint64_t{24});
    HVLAB_ASSERT(word(info + 12) == modules.size());
    const GuestAddress list = pointer(info + 16);
    stretches.add(list, modules.size() * 32);
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const GuestAddress entry = list + i * 32;
        HVLAB_ASSERT(pointer(entry + 8) == modules[i].size());
        stretches.add_module(pointer(entry), modules[i]);
        stretches.add_text(pointer(entry + 16), fuzz::module_requests()[i].cmdline);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(2 * kMiB);
    static const ModuleContents modules = fuzz::module_contents();
    static const PvhKernel kernel{.path = "kernel",
                                  .cmdline = std::string(fuzz::kCmdline),
                                  .modules = fuzz::module_requests()};
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const CpuState state = load_pvh(memory, kernel, bytes, modules);
        check(memory, ImageBytes("kernel", bytes), state, modules);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "kernel" || error.path() == "first" ||
                     error.path() == "second");
        HVLAB_ASSERT(!error.field().empty());
    }
    return 0;
}
