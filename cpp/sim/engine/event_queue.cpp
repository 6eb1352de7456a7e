// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/event_queue.h"

#include <algorithm>
#include <utility>

namespace hvlab::sim {
namespace {

bool later(const Event& a, const Event& b) {
    return b < a;
}

}  // namespace

EventQueue::EventQueue() : levels_(kLevels) {}

void EventQueue::push(const Event& event) {
    HVLAB_ASSERT(event.time >= now_);
    ++size_;
    if (event.time > run_last_) {
        put(event);
        return;
    }
    late_.push_back(event);
    std::push_heap(late_.begin(), late_.end(), later);
    if (late_.size() > kManyLate && run_last_ > floor_) spread_run();
}

bool EventQueue::run_is_next() {
    HVLAB_ASSERT(size_ > 0);
    while (run_.empty() && late_.empty()) refill();
    return late_.empty() || (!run_.empty() && run_.back() < late_.front());
}

Event EventQueue::pop() {
    Event event;
    if (run_is_next()) {
        event = run_.back();
        run_.pop_back();
    } else {
        event = late_.front();
        std::pop_heap(late_.begin(), late_.end(), later);
        late_.pop_back();
    }
    --size_;
    now_ = event.time;
    return event;
}

void EventQueue::put(const Event& event) {
    const auto difference = static_cast<std::uint64_t>(event.time ^ floor_);
    const int level = (63 - std::countl_zero(difference | 1)) / 8;
    const auto index = static_cast<std::uint8_t>(event.time >> (8 * level));
    Level& at = levels_[static_cast<std::size_t>(level)];
    Bucket& bucket = at.buckets[index];
    const std::uint32_t place = bucket.count % Chunk::kEvents;
    if (place == 0) {
        const std::uint32_t chunk = take_chunk();
        chunks_[chunk].next = bucket.chunk;
        bucket.chunk = chunk;
        at.used[index / 64] |= std::uint64_t{1} << (index % 64);
        used_levels_ |= 1u << level;
    }
    chunks_[bucket.chunk].events[place] = event;
    ++bucket.count;
}

std::uint32_t EventQueue::take_chunk() {
    if (free_chunk_ == kNoChunk) {
        chunks_.emplace_back();
        return static_cast<std::uint32_t>(chunks_.size() - 1);
    }
    const std::uint32_t chunk = free_chunk_;
    free_chunk_ = chunks_[chunk].next;
    return chunk;
}

// Takes the first bucket: into the run if it is small, to the levels below if not.
void EventQueue::refill() {
    const int level = std::countr_zero(used_levels_);
    Level& at = levels_[static_cast<std::size_t>(level)];
    std::size_t word = 0;
    while (at.used[word] == 0) ++word;
    const auto index = word * 64 + static_cast<std::size_t>(std::countr_zero(at.used[word]));
    at.used[word] &= at.used[word] - 1;
    if (std::all_of(at.used.begin(), at.used.end(), [](auto bits) { return bits == 0; })) {
        used_levels_ &= ~(1u << level);
    }
    const Time width = Time{1} << (8 * level);
    // Of the highest level, all bits: in unsigned numbers, its length is 0.
    const auto within = static_cast<Time>(static_cast<std::uint64_t>(width) * kBuckets - 1);
    floor_ = (floor_ & ~within) | static_cast<Time>(index) * width;
    Bucket& bucket = at.buckets[index];
    if (level > 0 && bucket.count > kFew) {
        // From the first event on: what lies close together skips the levels in between.
        Time first = kNever;
        visit(bucket, [&first](const Event& event) { first = std::min(first, event.time); });
        floor_ = first;
        drain(bucket, [this](const Event& event) { put(event); });
        return;
    }
    drain(bucket, [this](const Event& event) { run_.push_back(event); });
    sort_run();
    run_last_ = floor_ + (width - 1);
}

// Often in order already, where many events are of one time.
void EventQueue::sort_run() {
    if (std::is_sorted(run_.begin(), run_.end())) {
        std::reverse(run_.begin(), run_.end());
    } else if (!std::is_sorted(run_.begin(), run_.end(), later)) {
        std::sort(run_.begin(), run_.end(), later);
    }
}

// The run's interval proved too long. What was pushed before its floor (after a look at a top far
// ahead) stays where it is.
void EventQueue::spread_run() {
    for (const Event& event : run_) put(event);
    run_.clear();
    const auto early = std::partition(late_.begin(), late_.end(),
                                      [this](const Event& event) { return event.time < floor_; });
    for (auto at = early; at != late_.end(); ++at) put(*at);
    late_.erase(early, late_.end());
    std::make_heap(late_.begin(), late_.end(), later);
    run_last_ = floor_ - 1;
}

// The last put comes first.
template <typename Visit>
void EventQueue::visit(const Bucket& bucket, Visit visit) const {
    std::uint32_t in_chunk = (bucket.count - 1) % Chunk::kEvents + 1;
    for (std::uint32_t chunk = bucket.chunk; chunk != kNoChunk; chunk = chunks_[chunk].next) {
        for (std::uint32_t i = in_chunk; i-- > 0;) visit(chunks_[chunk].events[i]);
        in_chunk = Chunk::kEvents;
    }
}

// As `visit`, which may put events, and frees each chunk after its events.
template <typename Visit>
void EventQueue::drain(Bucket& bucket, Visit visit) {
    Bucket left = std::exchange(bucket, {});
    while (left.chunk != kNoChunk) {
        const std::uint32_t in_chunk = (left.count - 1) % Chunk::kEvents + 1;
        for (std::uint32_t i = in_chunk; i-- > 0;) {
            const Event event = chunks_[left.chunk].events[i];
            visit(event);
        }
        left.count -= in_chunk;
        const std::uint32_t next = chunks_[left.chunk].next;
        chunks_[left.chunk].next = free_chunk_;
        free_chunk_ = left.chunk;
        left.chunk = next;
    }
}

}  // namespace hvlab::sim
