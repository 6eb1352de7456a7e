// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "core/hypervisor/hypervisor.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// What a machine's vCPUs reach without leaving translated code: RAM, and what covers parts of it.
// Everything else, and every store to a read-only part, goes to VcpuHandler.
//
// Changes only between runs. Pages are unmapped and mapped again, which costs the translations of
// all RAM; what the dirty log of the Vm had collected is to be fetched before.
class RamMap {
public:
    // Maps all of `memory`, writable. Both outlive the map.
    RamMap(Vm& vm, GuestMemory& memory);

    // Read-only bytes (a ROM, or RAM whose stores have to be seen) instead of what lies at
    // [address, address + bytes.size()), be it RAM or nothing. Whole pages. The bytes stay valid;
    // an earlier cover that this one touches is an error of ours (asserted).
    void cover(GuestAddress address, std::span<std::byte> bytes);
    // What lay beneath comes back. The address is one that was given to cover().
    void uncover(GuestAddress address);

private:
    struct Piece {
        GuestAddress address = 0;
        std::span<std::byte> bytes{};
        bool writable = false;
    };

    std::vector<Piece> pieces() const;
    void remap();

    Vm& vm_;
    GuestMemory& memory_;
    std::vector<Piece> covers_;  // ascending, disjoint
    std::vector<Piece> mapped_;
};

}  // namespace hvlab
