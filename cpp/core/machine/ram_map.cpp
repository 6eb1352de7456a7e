// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/ram_map.h"

#include <algorithm>

#include "core/base/status.h"

namespace hvlab {

RamMap::RamMap(Vm& vm, GuestMemory& memory) : vm_(vm), memory_(memory) {
    remap();
}

void RamMap::cover(GuestAddress address, std::span<std::byte> bytes) {
    HVLAB_ASSERT(!bytes.empty() && is_aligned(address | bytes.size(), kPageSize));
    const auto after = std::ranges::lower_bound(covers_, address, {}, &Piece::address);
    HVLAB_ASSERT(after == covers_.end() || after->address - address >= bytes.size());
    HVLAB_ASSERT(after == covers_.begin() ||
                 address - std::prev(after)->address >= std::prev(after)->bytes.size());
    covers_.insert(after, {.address = address, .bytes = bytes, .writable = false});
    remap();
}

void RamMap::uncover(GuestAddress address) {
    const auto found = std::ranges::find(covers_, address, &Piece::address);
    HVLAB_ASSERT(found != covers_.end());
    covers_.erase(found);
    remap();
}

// The covers, and of the RAM what they leave.
std::vector<RamMap::Piece> RamMap::pieces() const {
    std::vector<Piece> result = covers_;
    for (const GuestMemory::Region& region : memory_.regions()) {
        const GuestAddress end = region.address + region.size;
        GuestAddress from = region.address;
        const auto add_until = [&](GuestAddress until) {
            if (until <= from) return;
            result.push_back({.address = from,
                              .bytes = memory_.host_bytes(from, until - from),
                              .writable = true});
        };
        for (const Piece& cover : covers_) {
            const GuestAddress cover_end = cover.address + cover.bytes.size();
            if (cover_end <= from || cover.address >= end) continue;
            add_until(cover.address);
            from = cover_end;
        }
        add_until(end);
    }
    return result;
}

void RamMap::remap() {
    for (const Piece& piece : mapped_) vm_.unmap_memory(piece.address, piece.bytes.size());
    mapped_.clear();
    for (const Piece& piece : pieces()) {
        vm_.map_memory(piece.address, piece.bytes, piece.writable);
        mapped_.push_back(piece);
    }
}

}  // namespace hvlab
