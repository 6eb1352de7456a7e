// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as an ELF executable of either class: segments that are disjoint, inside memory and
// loaded as the file has them, and a state that enters one of them; or BootError.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/status.h"
#include "core/boot/elf.h"
#include "core/boot/elf_image.h"
#include "core/boot/low_memory.h"
#include "core/boot/placement.h"

using namespace hvlab;

namespace {

void check_segment(GuestMemory& memory, const ImageBytes& image, const Elf::Segment& segment) {
    HVLAB_ASSERT(segment.memory_size >= segment.file_size && segment.memory_size > 0);
    HVLAB_ASSERT(segment.end() <= kLegacyHoleStart || segment.address >= kLegacyHoleEnd);
    const auto loaded = memory.host_bytes(segment.address, segment.memory_size);
    HVLAB_ASSERT(loaded.size() == segment.memory_size);
    if (segment.file_size > 0) {
        const auto file = image.slice(segment.file_offset, segment.file_size, "segment");
        HVLAB_ASSERT(std::ranges::equal(loaded.first(segment.file_size), file));
    }
    HVLAB_ASSERT(std::ranges::all_of(loaded.subspan(segment.file_size),
                                     [](std::byte byte) { return byte == std::byte{0}; }));
}

void check(GuestMemory& memory, const ImageBytes& image, const CpuState& state) {
    const Elf elf = parse_elf(image);
    GuestAddress before = kLowTablesEnd;
    bool entered = false;
    for (const Elf::Segment& segment : elf.segments) {
        HVLAB_ASSERT(segment.address >= before);
        check_segment(memory, image, segment);
        before = segment.end();
        entered = entered || (state.rip >= segment.address && state.rip < before);
    }
    HVLAB_ASSERT(entered && state.rip == elf.entry && before == elf.end());
    const std::uint64_t code = elf.elf_class == ElfClass::k32 ? 0x00CF9B000000FFFF  //
                                                              : 0x00AF9B000000FFFF;
    HVLAB_ASSERT(*memory.read_value<std::uint64_t>(state.gdtr.base + state.cs.selector) == code);
    HVLAB_ASSERT(state.cs.l == (elf.elf_class == ElfClass::k64));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(2 * kMiB);
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const CpuState state = load_elf(memory, {.path = "program"}, bytes);
        check(memory, ImageBytes("program", bytes), state);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "program" && !error.field().empty());
    }
    return 0;
}
