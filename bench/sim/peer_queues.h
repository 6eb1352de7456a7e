// SPDX-License-Identifier: GPL-2.0-or-later
//
// The event queues that ours was chosen against, as they are described: push, and pop of the least.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "sim/engine/event_queue.h"

namespace hvlab::sim::peers {

struct Later {
    bool operator()(const Event& a, const Event& b) const { return b < a; }
};

class StdQueue {
public:
    void push(const Event& event) { queue_.push(event); }
    Event pop() {
        const Event event = queue_.top();
        queue_.pop();
        return event;
    }

private:
    std::priority_queue<Event, std::vector<Event>, Later> queue_;
};

class QuadHeap {
public:
    void push(const Event& event) {
        std::size_t i = heap_.size();
        heap_.push_back(event);
        for (; i > 0 && event < heap_[(i - 1) / 4]; i = (i - 1) / 4) heap_[i] = heap_[(i - 1) / 4];
        heap_[i] = event;
    }
    Event pop() {
        const Event least = heap_.front();
        const Event last = heap_.back();
        heap_.pop_back();
        std::size_t i = 0;
        for (std::size_t child = 1; child < heap_.size(); child = 4 * i + 1) {
            const std::size_t end = std::min(child + 4, heap_.size());
            for (std::size_t other = child + 1; other < end; ++other) {
                if (heap_[other] < heap_[child]) child = other;
            }
            if (!(heap_[child] < last)) break;
            heap_[i] = heap_[child];
            i = child;
        }
        if (!heap_.empty()) heap_[i] = last;
        return least;
    }

private:
    std::vector<Event> heap_;
};

// Brown: Calendar Queues: A Fast O(1) Priority Queue Implementation, CACM 31(10), 1988. Days are
// sorted lists; the width of a day is three times the mean gap of some 25 next events.
class CalendarQueue {
public:
    void push(const Event& event) {
        if (free_ == kNone) {
            free_ = static_cast<std::uint32_t>(nodes_.size());
            nodes_.push_back({{}, kNone});
        }
        const std::uint32_t node = free_;
        free_ = nodes_[node].next;
        nodes_[node].event = event;
        insert(node);
        if (++size_ > 2 * days_.size()) resize(2 * days_.size());
    }
    Event pop() {
        const std::uint32_t node = take_first();
        const Event event = nodes_[node].event;
        nodes_[node].next = std::exchange(free_, node);
        now_ = event.time;
        if (--size_ < days_.size() / 2 && days_.size() > 2) resize(days_.size() / 2);
        return event;
    }

private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    struct Node {
        Event event;
        std::uint32_t next;
    };

    std::size_t day_of(Time time) const {
        return static_cast<std::size_t>(time / width_) & (days_.size() - 1);
    }
    void insert(std::uint32_t node) {
        std::uint32_t* at = &days_[day_of(nodes_[node].event.time)];
        while (*at != kNone && nodes_[*at].event < nodes_[node].event) at = &nodes_[*at].next;
        nodes_[node].next = *at;
        *at = node;
    }
    std::uint32_t take_first() {
        std::size_t day = today_;
        Time end = day_end_;
        for (std::size_t i = 0; i < days_.size(); ++i, end += width_) {
            if (days_[day] != kNone && nodes_[days_[day]].event.time < end) return take(day, end);
            day = (day + 1) & (days_.size() - 1);
        }
        std::size_t first = days_.size();  // nothing this year
        for (std::size_t i = 0; i < days_.size(); ++i) {
            if (days_[i] == kNone) continue;
            if (first == days_.size() || nodes_[days_[i]].event < nodes_[days_[first]].event) {
                first = i;
            }
        }
        return take(first, (nodes_[days_[first]].event.time / width_ + 1) * width_);
    }
    std::uint32_t take(std::size_t day, Time end) {
        today_ = day;
        day_end_ = end;
        const std::uint32_t node = days_[day];
        days_[day] = nodes_[node].next;
        return node;
    }
    void resize(std::size_t days) {
        const Time width = sampled_width();
        std::vector<std::uint32_t> old(days, kNone);
        old.swap(days_);
        width_ = width;
        for (std::uint32_t node : old) {
            while (node != kNone) insert(std::exchange(node, nodes_[node].next));
        }
        today_ = day_of(now_);
        day_end_ = (now_ / width_ + 1) * width_;
    }
    Time sampled_width() {
        const std::size_t today = today_;
        const Time day_end = day_end_;
        std::vector<std::uint32_t> nodes(
            std::min<std::size_t>(size_, 5 + std::min<std::size_t>(size_ / 10, 20)));
        for (std::uint32_t& node : nodes) node = take_first();
        const auto time = [&](std::size_t i) { return nodes_[nodes[i]].event.time; };
        const Time mean = (time(nodes.size() - 1) - time(0)) /
                          static_cast<Time>(std::max<std::size_t>(1, nodes.size() - 1));
        Time sum = 0;
        Time count = 1;
        for (std::size_t i = 1; i < nodes.size(); ++i) {
            const Time gap = time(i) - time(i - 1);
            if (gap > 2 * mean) continue;
            sum += gap;
            ++count;
        }
        for (const std::uint32_t node : nodes) insert(node);
        today_ = today;
        day_end_ = day_end;
        return std::max<Time>(1, 3 * sum / count);
    }

    std::vector<Node> nodes_;
    std::uint32_t free_ = kNone;
    std::vector<std::uint32_t> days_ = {kNone, kNone};
    std::size_t size_ = 0;
    Time width_ = 1;
    std::size_t today_ = 0;
    Time day_end_ = 1;
    Time now_ = 0;
};

// Tang, Goh, Thng: Ladder Queue: An O(1) Priority Queue Structure for Large-Scale Discrete Event
// Simulation, ACM TOMACS 15(3), 2005. Buckets keep their memory.
class LadderQueue {
public:
    void push(const Event& event) {
        if (event.time >= top_start_) {
            top_.push_back(event);
            return;
        }
        for (std::size_t i = 0; i < rungs_used_; ++i) {
            if (event.time >= rungs_[i].current) {
                rungs_[i].add(event);
                return;
            }
        }
        bottom_.insert(std::upper_bound(bottom_.begin(), bottom_.end(), event, Later{}), event);
        if (bottom_.size() > kThreshold && bottom_.front().time > bottom_.back().time) {
            const Time end = rungs_used_ > 0 ? rungs_[rungs_used_ - 1].current : top_start_;
            spread(bottom_, bottom_.back().time, end);
        }
    }
    Event pop() {
        while (bottom_.empty()) refill();
        const Event event = bottom_.back();
        bottom_.pop_back();
        return event;
    }

private:
    static constexpr std::size_t kThreshold = 50;
    static constexpr std::size_t kMostRungs = 10;

    struct Rung {
        Time start = 0;
        Time current = 0;  // the start of the first bucket that is left
        Time width = 1;
        std::size_t size = 0;
        std::vector<std::vector<Event>> buckets;

        std::size_t index(Time time) const {
            return static_cast<std::size_t>((time - start) / width);
        }
        void add(const Event& event) {
            buckets[index(event.time)].push_back(event);
            ++size;
        }
    };

    void spread(std::vector<Event>& events, Time start, Time end) {
        if (rungs_used_ == kMostRungs) return;
        Rung& rung = rungs_[rungs_used_++];
        rung.width = (end - start) / static_cast<Time>(events.size()) + 1;
        rung.start = rung.current = start;
        if (rung.buckets.size() < events.size() + 1) rung.buckets.resize(events.size() + 1);
        for (const Event& event : events) rung.add(event);
        events.clear();
    }
    void refill() {
        while (rungs_used_ > 0 && rungs_[rungs_used_ - 1].size == 0) --rungs_used_;
        if (rungs_used_ == 0) {
            const auto [first, last] = std::minmax_element(top_.begin(), top_.end());
            top_start_ = last->time + 1;
            spread(top_, first->time, top_start_);
        }
        Rung& rung = rungs_[rungs_used_ - 1];
        while (rung.buckets[rung.index(rung.current)].empty()) rung.current += rung.width;
        std::vector<Event>& bucket = rung.buckets[rung.index(rung.current)];
        rung.size -= bucket.size();
        const Time start = std::exchange(rung.current, rung.current + rung.width);
        if (bucket.size() > kThreshold && rungs_used_ < kMostRungs && rung.width > 1) {
            spread(bucket, start, rung.current);
            return;
        }
        bottom_.swap(bucket);
        std::sort(bottom_.begin(), bottom_.end(), Later{});
    }

    std::vector<Event> top_;
    Time top_start_ = 0;
    std::vector<Rung> rungs_ = std::vector<Rung>(kMostRungs);
    std::size_t rungs_used_ = 0;
    std::vector<Event> bottom_;  // sorted, the least at the end
};

// A heap of what is near, unsorted buckets of what comes after, a list of what is far.
class TwoTierQueue {
public:
    void push(const Event& event) {
        if (event.time < near_end_) {
            near_.push_back(event);
            std::push_heap(near_.begin(), near_.end(), Later{});
        } else if (event.time < buckets_end()) {
            put(event);
        } else {
            far_.push_back(event);
        }
    }
    Event pop() {
        while (near_.empty()) refill();
        std::pop_heap(near_.begin(), near_.end(), Later{});
        const Event event = near_.back();
        near_.pop_back();
        return event;
    }

private:
    Time buckets_end() const { return start_ + static_cast<Time>(buckets_.size()) * width_; }
    void put(const Event& event) {
        buckets_[static_cast<std::size_t>((event.time - start_) / width_)].push_back(event);
        ++in_buckets_;
    }
    void refill() {
        if (in_buckets_ == 0) renew();
        std::vector<Event>& bucket =
            buckets_[static_cast<std::size_t>((near_end_ - start_) / width_)];
        near_end_ += width_;
        if (bucket.empty()) return;
        in_buckets_ -= bucket.size();
        near_.swap(bucket);
        std::make_heap(near_.begin(), near_.end(), Later{});
    }
    // Buckets for twice the mean distance, 16 events to each.
    void renew() {
        Time first = kNever;
        double sum = 0;
        for (const Event& event : far_) {
            first = std::min(first, event.time);
            sum += static_cast<double>(event.time);
        }
        const double mean = sum / static_cast<double>(far_.size()) - static_cast<double>(first);
        const std::size_t buckets = std::max<std::size_t>(1, far_.size() / 16);
        if (buckets_.size() < buckets) buckets_.resize(buckets);
        start_ = near_end_ = first;
        width_ = std::max<Time>(1, static_cast<Time>(2 * mean / static_cast<double>(buckets)));
        const auto stay = std::partition(far_.begin(), far_.end(), [this](const Event& event) {
            return event.time >= buckets_end();
        });
        for (auto at = stay; at != far_.end(); ++at) put(*at);
        far_.erase(stay, far_.end());
    }

    std::vector<Event> near_;
    std::vector<std::vector<Event>> buckets_ = std::vector<std::vector<Event>>(1);
    std::vector<Event> far_;
    std::size_t in_buckets_ = 0;
    Time start_ = 0;
    Time width_ = 1;
    Time near_end_ = 1;
};

}  // namespace hvlab::sim::peers
