// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/status.h"

namespace hvlab::sim {

// vCPUs or VMs in the order of a key, the least first, equals by their number. A sorted array: for
// the some hundred that wait on a host it is quicker than a heap, and a policy may look past the
// first (affinity, resistance to migration). It has room at both ends, since most are taken from
// the one and put in near the other. Allocates once.
template <typename Key>
class OrderedQueue {
public:
    struct Entry {
        Key key;
        int id;
    };

    explicit OrderedQueue(std::size_t capacity = 0) : entries_(4 * capacity + 1) { clear(); }

    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }
    const Entry& front() const { return entries_[begin_]; }
    // From the first to the last.
    const Entry* begin() const { return entries_.data() + begin_; }
    const Entry* end() const { return entries_.data() + end_; }

    void insert(Key key, int id) {
        if (begin_ == 0 || end_ == entries_.size()) center();
        Entry* const at = find(key, id);
        if (at - begin() < end() - at) {
            --begin_;
            std::copy(begin() + 1, static_cast<const Entry*>(at), entries_.data() + begin_);
            at[-1] = {key, id};
        } else {
            std::copy_backward(static_cast<const Entry*>(at), end(), entries_.data() + end_ + 1);
            ++end_;
            *at = {key, id};
        }
    }
    // `key`: the one that it was put in with.
    void remove(Key key, int id) {
        Entry* const at = find(key, id);
        HVLAB_ASSERT(at != end() && at->id == id);
        if (at - begin() < end() - at) {
            std::copy_backward(begin(), static_cast<const Entry*>(at), at + 1);
            ++begin_;
        } else {
            std::copy(static_cast<const Entry*>(at) + 1, end(), at);
            --end_;
        }
    }
    void clear() { begin_ = end_ = entries_.size() / 2; }
    // Gives all of them new keys.
    template <typename NewKey>
    void rekey(NewKey new_key) {
        Entry* const first = entries_.data() + begin_;
        Entry* const last = entries_.data() + end_;
        for (Entry* entry = first; entry != last; ++entry) entry->key = new_key(entry->id);
        if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
    }

private:
    static bool before(const Entry& a, const Entry& b) {
        return a.key < b.key || (a.key == b.key && a.id < b.id);
    }
    // Its place: before the first entry that is not before it.
    Entry* find(Key key, int id) {
        Entry* const first = entries_.data() + begin_;
        Entry* const last = entries_.data() + end_;
        const Entry entry{key, id};
        if (first == last || !before(*first, entry)) return first;
        if (before(last[-1], entry)) return last;
        return std::lower_bound(first, last, entry, before);
    }
    void center() {
        const std::size_t begin = (entries_.size() - size()) / 2;
        const std::size_t end = begin + size();
        HVLAB_ASSERT(begin > 0 && end < entries_.size());
        if (begin < begin_) {
            std::copy(entries_.begin() + begin_, entries_.begin() + end_, entries_.begin() + begin);
        } else {
            std::copy_backward(entries_.begin() + begin_, entries_.begin() + end_,
                               entries_.begin() + end);
        }
        begin_ = begin;
        end_ = end;
    }

    std::vector<Entry> entries_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace hvlab::sim
