// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/status.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// What a process has before it: at most one time for each of a fixed number of slots. The next is
// the earliest, of equal ones that of the lowest slot. Made for tens to a few thousand slots.
//
// A winner tree (Knuth, TAOCP vol. 3, section 5.4.1) that keeps times alone: every node is the
// earlier of its two children, and who won is found on the way down. Without branches that a
// processor could mispredict; nothing allocates after construction.
class Agenda {
public:
    using Slot = std::uint32_t;

    struct Entry {
        Time time;  // kNever: no slot has a time
        Slot slot;
    };

    explicit Agenda(Slot slots)
        : first_leaf_(std::bit_ceil(std::max(slots, Slot{2}))),
          slots_(slots),
          nodes_(first_leaf_ + (slots + 1) / 2 * std::size_t{2}, kNever) {}

    Slot slots() const { return slots_; }
    Time time(Slot slot) const {
        HVLAB_ASSERT(slot < slots_);
        return nodes_[first_leaf_ + slot];
    }

    void set(Slot slot, Time time) {
        HVLAB_ASSERT(slot < slots_);
        std::size_t node = first_leaf_ + slot;
        nodes_[node] = time;
        do {
            time = std::min(time, nodes_[node ^ 1]);
            node /= 2;
            nodes_[node] = time;
        } while (node > 1);
    }
    void clear(Slot slot) { set(slot, kNever); }

    Time next() const { return nodes_[1]; }
    Entry top() const {
        std::size_t node = 1;
        while (node < first_leaf_) {
            node *= 2;
            node += nodes_[node + 1] < nodes_[node] ? 1 : 0;
        }
        return {nodes_[1], static_cast<Slot>(node - first_leaf_)};
    }

private:
    std::size_t first_leaf_;  // a power of two
    Slot slots_;
    // nodes_[1] is the root, the children of nodes_[i] are nodes_[2 i] and nodes_[2 i + 1]; leaves
    // that no slot has are left out, but for one beside the last.
    std::vector<Time> nodes_;
};

}  // namespace hvlab::sim
