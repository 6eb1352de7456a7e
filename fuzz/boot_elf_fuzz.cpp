// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a vmlinux: segments that are disjoint, inside memory and loaded as the file has
// them, or BootError.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/status.h"
#include "core/boot/elf64.h"

using namespace hvlab;

namespace {

constexpr GuestAddress kLowest = 64 * kKiB;

void check(GuestMemory& memory, const ImageBytes& image, const Elf64& elf) {
    GuestAddress before = kLowest;
    bool entered = false;
    for (const Elf64::Segment& segment : elf.segments) {
        HVLAB_ASSERT(segment.address >= before);
        HVLAB_ASSERT(segment.memory_size >= segment.file_size && segment.memory_size > 0);
        const auto loaded = memory.host_bytes(segment.address, segment.memory_size);
        HVLAB_ASSERT(loaded.size() == segment.memory_size);
        if (segment.file_size > 0) {
            const auto file = image.slice(segment.file_offset, segment.file_size, "segment");
            HVLAB_ASSERT(std::ranges::equal(loaded.first(segment.file_size), file));
        }
        HVLAB_ASSERT(std::ranges::all_of(loaded.subspan(segment.file_size),
                                         [](std::byte byte) { return byte == std::byte{0}; }));
        before = segment.address + segment.memory_size;
        entered = entered || (elf.entry >= segment.address && elf.entry < before);
    }
    HVLAB_ASSERT(entered);
    HVLAB_ASSERT(before == elf.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(2 * kMiB);
    const ImageBytes image("vmlinux", std::as_bytes(std::span(data, size)));
    try {
        const Elf64 elf = parse_elf64(image);
        load_elf64(memory, image, elf, kLowest);
        check(memory, image, elf);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "vmlinux" && !error.field().empty());
    }
    return 0;
}
