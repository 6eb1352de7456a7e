// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/ram_map.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <ranges>

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

bool RamMap::covers(GuestAddress address) const {
    return std::ranges::any_of(covers_, [address](const Piece& cover) {
        return address - cover.address < cover.bytes.size();
    });
}

// Once the gate has been closed, the large piece above it is apart and stays mapped when it moves.
GuestAddress RamMap::piece_end(GuestAddress start) const {
    constexpr GuestAddress kAbove = 2 * kA20;
    return a20_was_closed_ && start < kAbove ? kAbove : std::numeric_limits<GuestAddress>::max();
}

// The covers, and of the RAM what they leave.
std::vector<RamMap::Piece> RamMap::pieces() const {
    std::vector<Piece> result = covers_;
    for (const GuestMemory::Region& region : memory_.regions()) {
        const GuestAddress end = region.address + region.size;
        GuestAddress from = region.address;
        const auto add_until = [&](GuestAddress until) {
            for (; from < until; from = std::min(until, piece_end(from))) {
                const std::uint64_t size = std::min(until, piece_end(from)) - from;
                result.push_back(
                    {.address = from, .bytes = memory_.host_bytes(from, size), .writable = true});
            }
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

// The second MiB gives way to aliases of what is in the first.
std::vector<RamMap::Piece> RamMap::pieces_without_a20() const {
    std::vector<Piece> result;
    std::vector<Piece> aliases;
    for (const Piece& piece : pieces()) {
        const auto add = [&](std::vector<Piece>& to, GuestAddress from, GuestAddress until,
                             GuestAddress shift) {
            from = std::max(from, piece.address);
            until = std::min(until, piece.end());
            if (from >= until) return;
            to.push_back({.address = from + shift,
                          .bytes = piece.bytes.subspan(from - piece.address, until - from),
                          .writable = piece.writable});
        };
        add(result, 0, kA20, 0);
        add(aliases, 0, kA20, kA20);
        add(result, 2 * kA20, piece.end(), 0);
    }
    result.insert(result.end(), aliases.begin(), aliases.end());
    return result;
}

void RamMap::set_a20(bool open) {
    if (open == a20_) return;
    collect_dirty();
    a20_ = open;
    a20_was_closed_ = true;
    remap();
}

void RamMap::remap() {
    const std::vector<Piece> wanted = a20_ ? pieces() : pieces_without_a20();
    const auto in = [](const std::vector<Piece>& pieces) {
        return [&pieces](const Piece& piece) { return std::ranges::count(pieces, piece) > 0; };
    };
    collect_dirty();
    for (const Piece& piece :
         mapped_ | std::views::filter(std::not_fn(in(wanted))) | std::views::reverse) {
        vm_.unmap_memory(piece.address, piece.bytes.size());
    }
    for (const Piece& piece : wanted | std::views::filter(std::not_fn(in(mapped_)))) {
        vm_.map_memory(piece.address, piece.bytes, piece.writable);
    }
    mapped_ = wanted;
}

void RamMap::set_dirty_logging(bool enabled) {
    vm_.set_dirty_logging(enabled);
    if (enabled) {
        dirty_.emplace(page_index(memory_.end()));
    } else {
        dirty_.reset();
    }
}

void RamMap::fetch_and_clear_dirty(PageBitmap& into) {
    if (!dirty_) return;
    collect_dirty();
    into |= *dirty_;
    dirty_->clear();
}

// A page that is mapped twice may be reported at either address: it is the lower one's. With the
// gate closed nothing else can be written in the second MiB.
void RamMap::collect_dirty() {
    if (!dirty_) return;
    PageBitmap written(page_index(std::max(memory_.end(), 2 * kA20)));
    vm_.fetch_and_clear_dirty(written);
    written.for_each(
        [&](std::uint64_t page) { dirty_->set(page_index(through_a20(page * kPageSize))); });
}

}  // namespace hvlab
