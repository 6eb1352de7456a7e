// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "core/hypervisor/hypervisor.h"
#include "core/memory/guest_memory.h"
#include "core/memory/page_bitmap.h"

namespace hvlab {

// What a machine's vCPUs reach without leaving translated code: RAM, and what covers parts of it.
// Everything else, and every store to a read-only part, goes to VcpuHandler.
//
// Changes only between runs. What changes is unmapped and mapped again, which costs its
// translations; the dirty log is kept.
class RamMap {
public:
    // Where A20 decides. While the gate is closed the vCPUs see the first MiB again in the second,
    // with everything that is in it (docs/design/a20.md).
    static constexpr GuestAddress kA20 = 1 * kMiB;

    // Maps all of `memory`, writable. Both outlive the map.
    RamMap(Vm& vm, GuestMemory& memory);

    // Read-only bytes (a ROM, or RAM whose stores have to be seen) instead of what lies at
    // [address, address + bytes.size()), be it RAM or nothing. Whole pages. The bytes stay valid;
    // an earlier cover that this one touches is an error of ours (asserted).
    void cover(GuestAddress address, std::span<std::byte> bytes);
    // What lay beneath comes back. The address is one that was given to cover().
    void uncover(GuestAddress address);

    bool covers(GuestAddress address) const;

    // The A20 gate; open at first.
    void set_a20(bool open);
    // Where an access of a vCPU that is not to RAM goes.
    GuestAddress through_a20(GuestAddress address) const {
        return !a20_ && address - kA20 < kA20 ? address - kA20 : address;
    }

    // Pages that the guest wrote since logging began or since the last fetch, by their addresses
    // with the gate open. `into` reaches to the end of memory.
    void set_dirty_logging(bool enabled);
    void fetch_and_clear_dirty(PageBitmap& into);

private:
    struct Piece {
        GuestAddress address = 0;
        std::span<std::byte> bytes{};
        bool writable = false;

        GuestAddress end() const { return address + bytes.size(); }
        bool operator==(const Piece& other) const {
            return address == other.address && bytes.data() == other.bytes.data() &&
                   bytes.size() == other.bytes.size() && writable == other.writable;
        }
    };

    GuestAddress piece_end(GuestAddress start) const;
    std::vector<Piece> pieces() const;
    std::vector<Piece> pieces_without_a20() const;
    void remap();
    void collect_dirty();

    Vm& vm_;
    GuestMemory& memory_;
    bool a20_ = true;
    bool a20_was_closed_ = false;
    std::vector<Piece> covers_;        // ascending, disjoint
    std::vector<Piece> mapped_;        // what shows others' bytes comes after them
    std::optional<PageBitmap> dirty_;  // fetched from the Vm before pages were unmapped
};

}  // namespace hvlab
