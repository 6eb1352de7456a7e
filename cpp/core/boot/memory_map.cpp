// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/boot/memory_map.h"

#include <algorithm>

namespace hvlab {

std::vector<MemoryRange> memory_map(const GuestMemory& memory) {
    constexpr GuestAddress kHighMemory = 1 * kMiB;
    std::vector<MemoryRange> map{
        {.start = 0, .end = kLowMemoryEnd, .type = MemoryType::kRam},
        {.start = kLowMemoryEnd, .end = kHighMemory, .type = MemoryType::kReserved}};
    for (const GuestMemory::Region& region : memory.regions()) {
        const GuestAddress start = std::max(region.address, kHighMemory);
        const GuestAddress end = region.address + region.size;
        if (end > start) map.push_back({.start = start, .end = end, .type = MemoryType::kRam});
    }
    return map;
}

}  // namespace hvlab
