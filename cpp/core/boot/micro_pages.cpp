// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/micro_pages.h"

#include "core/base/status.h"

namespace hvlab::micro {
namespace {

// Page-table entries (Intel SDM vol. 3 s. 4.5). Accessed and dirty are set: what is emulated need
// not set them.
constexpr std::uint64_t kPresent = 1 << 0;
constexpr std::uint64_t kWrite = 1 << 1;
constexpr std::uint64_t kUser = 1 << 2;
constexpr std::uint64_t kUncached = 1 << 4 | 1 << 3;  // PCD, PWT
constexpr std::uint64_t kAccessedDirty = 1 << 6 | 1 << 5;
constexpr std::uint64_t kLarge = 1 << 7;
constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
// What leads to them forbids nothing.
constexpr std::uint64_t kLink = kPresent | kWrite | kUser | 1 << 5;

std::uint64_t flags(const Rights& rights) {
    return kPresent | kAccessedDirty | (rights.write ? kWrite : 0) | (rights.user ? kUser : 0) |
           (rights.cached ? 0 : kUncached) | (rights.execute ? 0 : kNoExecute);
}

}  // namespace

PageTables::Table& PageTables::split(std::uint64_t region) {
    Region& old = regions_[region];
    if (old.table < 0) {
        Table& table = tables_.emplace_back();
        if (old.large != 0) {
            for (std::uint64_t i = 0; i < kEntries; ++i) {
                table[i] = (old.large & ~kLarge) + i * kPageSize;
            }
        }
        old = {.table = static_cast<int>(tables_.size() - 1)};
    }
    return tables_[static_cast<std::size_t>(old.table)];
}

void PageTables::map(GuestAddress start, GuestAddress end, const Rights& rights) {
    HVLAB_ASSERT(is_aligned(start, kPageSize) && is_aligned(end, kPageSize) && end <= 4 * kGiB);
    while (start < end) {
        const std::uint64_t region = start / kLargePage;
        if (is_aligned(start, kLargePage) && end - start >= kLargePage &&
            regions_[region].table < 0) {
            regions_[region].large = start | flags(rights) | kLarge;
            start += kLargePage;
            continue;
        }
        split(region)[start / kPageSize % kEntries] = start | flags(rights);
        start += kPageSize;
    }
}

void PageTables::allow(GuestAddress page, const Rights& rights) {
    std::uint64_t& entry = split(page / kLargePage)[page / kPageSize % kEntries];
    HVLAB_ASSERT((entry & kPresent) != 0);
    if (rights.write) entry |= kWrite;
    if (rights.execute) entry &= ~kNoExecute;
}

void PageTables::write(GuestMemory& memory, GuestAddress address) const {
    const GuestAddress pdpt = address + kPageSize;
    const GuestAddress directories = pdpt + kPageSize;
    const GuestAddress tables = directories + kDirectories * kPageSize;
    Table table{};
    table[0] = pdpt | kLink;
    HVLAB_ASSERT(memory.write_value(address, table));
    for (std::uint64_t i = 0; i < kDirectories; ++i)
        table[i] = (directories + i * kPageSize) | kLink;
    HVLAB_ASSERT(memory.write_value(pdpt, table));
    for (std::uint64_t i = 0; i < kDirectories; ++i) {
        for (std::uint64_t j = 0; j < kEntries; ++j) {
            const Region& region = regions_[i * kEntries + j];
            table[j] =
                region.table < 0
                    ? region.large
                    : (tables + static_cast<std::uint64_t>(region.table) * kPageSize) | kLink;
        }
        HVLAB_ASSERT(memory.write_value(directories + i * kPageSize, table));
    }
    for (std::size_t i = 0; i < tables_.size(); ++i) {
        HVLAB_ASSERT(memory.write_value(tables + i * kPageSize, tables_[i]));
    }
}

}  // namespace hvlab::micro
