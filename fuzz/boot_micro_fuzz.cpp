// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a micro-guest: an executable or a flat binary whose segments lie in user pages with
// the rights that they ask for, while the kernel's pages stay the kernel's; or BootError.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/status.h"
#include "core/boot/elf.h"
#include "core/boot/micro.h"
#include "core/boot/micro_layout.h"

using namespace hvlab;

namespace {

struct Page {
    bool present = false;
    bool user = false;
    bool write = false;
    bool execute = false;
};

Page walk(const GuestMemory& memory, std::uint64_t linear) {
    Page page{.present = true, .user = true, .write = true, .execute = true};
    GuestAddress table = micro::kPageTables;
    for (int shift = 39; shift >= 12; shift -= 9) {
        HVLAB_ASSERT(table >= micro::kPageTables && table < micro::kPageTablesEnd);
        const auto entry = *memory.read_value<std::uint64_t>(table + (linear >> shift & 511) * 8);
        if ((entry & 1) == 0) return {};
        page.write = page.write && (entry & 2) != 0;
        page.user = page.user && (entry & 4) != 0;
        page.execute = page.execute && entry >> 63 == 0;
        table = entry & 0x000FFFFFFFFFF000;
        if (shift == 12 || (entry & 0x80) != 0) {
            // Everything is mapped to itself.
            HVLAB_ASSERT(table == linear >> shift << shift);
            return page;
        }
    }
    return page;
}

void check(GuestMemory& memory, std::span<const std::byte> bytes, const CpuState& state) {
    const ImageBytes image("guest", bytes);
    HVLAB_ASSERT(state.cs.dpl == 3 && state.rflags == 2);
    const Page entry = walk(memory, state.rip);
    HVLAB_ASSERT(entry.present && entry.user && entry.execute);
    for (GuestAddress page = 0; page < micro::kPageTablesEnd; page += kPageSize) {
        const bool kernels =
            (page >= micro::kReport && page < micro::kShimEnd) || page >= micro::kPageTables;
        if (kernels) HVLAB_ASSERT(!walk(memory, page).user);
    }
    if (!is_elf(bytes)) {
        HVLAB_ASSERT(std::ranges::equal(memory.host_bytes(micro::kImage, bytes.size()), bytes));
        return;
    }
    const Elf elf = parse_elf(image);
    for (const Elf::Segment& segment : elf.segments) {
        HVLAB_ASSERT(segment.address >= micro::kImage);
        const auto loaded = memory.host_bytes(segment.address, segment.memory_size);
        HVLAB_ASSERT(loaded.size() == segment.memory_size);
        if (segment.file_size > 0) {
            const auto file = image.slice(segment.file_offset, segment.file_size, "segment");
            HVLAB_ASSERT(std::ranges::equal(loaded.first(segment.file_size), file));
        }
        for (const GuestAddress at : {segment.address, segment.end() - 1}) {
            const Page page = walk(memory, at);
            HVLAB_ASSERT(page.present && page.user);
            HVLAB_ASSERT(page.write || !segment.writable);
            HVLAB_ASSERT(page.execute || !segment.executable);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static GuestMemory memory(4 * kMiB);
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const CpuState state = load_micro(memory, {.path = "guest", .cmdline = "a=1"}, bytes);
        check(memory, bytes, state);
    } catch (const BootError& error) {
        HVLAB_ASSERT(error.path() == "guest" && !error.field().empty());
    }
    return 0;
}
