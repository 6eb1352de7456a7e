// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/status.h"

namespace hvlab::sim {

// vCPUs or VMs in the order of a key, the least first, equals by their number. A sorted array: for
// the some hundred that wait on a host it is quicker than a heap, and a policy may look past the
// first (affinity, resistance to migration). Reserves once, then allocates no more.
template <typename Key>
class OrderedQueue {
public:
    struct Entry {
        Key key;
        int id;
    };

    explicit OrderedQueue(std::size_t capacity = 0) { entries_.reserve(capacity); }

    bool empty() const { return entries_.empty(); }
    std::size_t size() const { return entries_.size(); }
    const Entry& front() const { return entries_.back(); }
    // From the first to the last.
    auto begin() const { return entries_.rbegin(); }
    auto end() const { return entries_.rend(); }

    void insert(Key key, int id) { entries_.insert(find(key, id), Entry{key, id}); }
    // `key`: the one that it was put in with.
    void remove(Key key, int id) {
        const auto found = find(key, id);
        HVLAB_ASSERT(found != entries_.end() && found->id == id);
        entries_.erase(found);
    }
    void clear() { entries_.clear(); }
    // Gives all of them new keys.
    template <typename NewKey>
    void rekey(NewKey new_key) {
        for (Entry& entry : entries_) entry.key = new_key(entry.id);
        if (!std::is_sorted(entries_.begin(), entries_.end(), later)) {
            std::sort(entries_.begin(), entries_.end(), later);
        }
    }

private:
    static bool later(const Entry& a, const Entry& b) {
        return a.key > b.key || (a.key == b.key && a.id > b.id);
    }
    auto find(Key key, int id) {
        return std::lower_bound(entries_.begin(), entries_.end(), Entry{key, id}, later);
    }

    std::vector<Entry> entries_;  // the last first: the first is taken off the end
};

}  // namespace hvlab::sim
