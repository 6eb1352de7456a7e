// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "core/boot/image_file.h"
#include "core/memory/guest_memory.h"

namespace hvlab::micro {

// What user mode may do with a page; the kernel may read, and write what is writable.
struct Rights {
    bool user = true;
    bool write = false;
    bool execute = false;
    bool cached = true;
};

// Four-level page tables that map the first 4 GiB to themselves, built on the host's side and then
// written at once: 2 MiB pages where everything in one is alike, else 4 KiB pages.
class PageTables {
public:
    static constexpr std::uint64_t kLargePage = 2 * kMiB;

    // [start, end), whole pages below 4 GiB; what was there before is forgotten.
    void map(GuestAddress start, GuestAddress end, const Rights& rights);
    // Adds rights to one page, which is mapped.
    void allow(GuestAddress page, const Rights& rights);

    // How many pages of memory they take.
    std::uint64_t pages() const { return kFixed + tables_.size(); }
    // At `address`, page-aligned, where there is room for pages().
    void write(GuestMemory& memory, GuestAddress address) const;

private:
    static constexpr std::uint64_t kDirectories = 4;
    static constexpr std::uint64_t kEntries = 512;
    static constexpr std::uint64_t kFixed = 2 + kDirectories;  // PML4, PDPT
    using Table = std::array<std::uint64_t, kEntries>;

    // What a directory's entry stands for.
    struct Region {
        std::uint64_t large = 0;  // the entry of a large page; 0: nothing is mapped
        int table = -1;           // or an index into tables_
    };

    Table& split(std::uint64_t region);

    std::array<Region, kDirectories * kEntries> regions_{};
    std::vector<Table> tables_;
};

}  // namespace hvlab::micro
