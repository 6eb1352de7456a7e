// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/base/status.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

struct Event {
    Time time = 0;
    std::uint32_t entity = 0;
    std::uint32_t kind = 0;      // the owner's own
    std::uint64_t sequence = 0;  // the entity's own count

    // The order of events: a total one, if no entity uses a sequence number twice.
    friend bool operator<(const Event& a, const Event& b) {
        if (a.time != b.time) return a.time < b.time;
        return std::tie(a.entity, a.sequence) < std::tie(b.entity, b.sequence);
    }
};

// Pending events, up to millions; docs/design/sim.md says what it was measured against.
//
// Buckets as in a hierarchical timing wheel (Varghese, Lauck: Hashed and Hierarchical Timing
// Wheels, SOSP 1987): an event lies on the level of the highest byte in which its time differs from
// the floor, in the bucket of that byte. The first bucket is spread over the level below, or, when
// it holds few, sorted into a run that is popped from (as in the ladder queue: Tang, Goh, Thng,
// ACM TOMACS 15(3), 2005). An event moves at most once a level, whatever the distribution of times;
// what is pushed into the run's own interval waits in a heap. Nothing allocates once the most
// events ever pending are there.
class EventQueue {
public:
    EventQueue();

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

    // Not before the last event popped: HVLAB_ASSERT.
    void push(const Event& event);
    // The least event; !empty().
    const Event& top() { return run_is_next() ? run_.back() : late_.front(); }
    Event pop();

private:
    static constexpr int kLevels = 8;
    static constexpr int kBuckets = 256;  // a level: one for each value of a byte
    static constexpr std::uint32_t kFew = 64;
    static constexpr std::size_t kManyLate = 256;
    static constexpr std::uint32_t kNoChunk = ~std::uint32_t{0};

    struct Chunk {
        static constexpr std::uint32_t kEvents = 10;
        std::array<Event, kEvents> events;
        std::uint32_t next;  // in its bucket, or in the free list
    };
    struct Bucket {
        std::uint32_t chunk = kNoChunk;  // the newest; the others are full
        std::uint32_t count = 0;
    };
    struct Level {
        std::array<Bucket, kBuckets> buckets;
        std::array<std::uint64_t, kBuckets / 64> used{};
    };

    bool run_is_next();
    void put(const Event& event);
    void refill();
    void spread_run();
    void sort_run();
    template <typename Visit>
    void visit(const Bucket& bucket, Visit visit) const;
    template <typename Visit>
    void drain(Bucket& bucket, Visit visit);
    std::uint32_t take_chunk();

    std::size_t size_ = 0;
    Time now_ = 0;             // of the last event popped
    Time floor_ = 0;           // no event in a bucket is before it
    Time run_last_ = -1;       // events up to here are in run_ and late_, the others in buckets
    std::vector<Event> run_;   // sorted, the least at the end
    std::vector<Event> late_;  // a heap, the least in front
    std::uint32_t used_levels_ = 0;
    std::uint32_t free_chunk_ = kNoChunk;
    std::vector<Level> levels_;
    std::vector<Chunk> chunks_;
};

}  // namespace hvlab::sim
