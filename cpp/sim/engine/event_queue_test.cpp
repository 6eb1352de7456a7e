// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/engine/stream.h"
#include "sim/engine/testing/counted_allocations.h"

namespace hvlab::sim {
namespace {

struct Increments {
    std::string name;
    std::function<Duration(Stream&)> draw;
};

std::vector<Increments> increments() {
    return {
        {"exponential", [](Stream& s) { return 1 + static_cast<Duration>(s.exponential() * 1e9); }},
        // With thousands pending, buckets are spread whose first event is anywhere in them.
        {"about a millisecond",
         [](Stream& s) { return static_cast<Duration>(s.exponential() * 2e6); }},
        {"near and far",
         [](Stream& s) {
             return static_cast<Duration>(s.exponential() * (s.bits() % 10 == 0 ? 1e12 : 1e3));
         }},
        {"ticks", [](Stream& s) { return static_cast<Duration>(s.bits() % 3) * kMillisecond; }},
        {"none", [](Stream&) { return Duration{0}; }},
        {"any power of two",
         [](Stream& s) { return static_cast<Duration>(s.bits() >> (8 + s.bits() % 56)); }},
    };
}

// Against std::set, pushing and popping at random, with looks at the top in between.
TEST(EventQueue, GivesTheOrderOfASet) {
    for (const Increments& of : increments()) {
        for (const std::size_t pending : {1u, 40u, 3000u}) {
            SCOPED_TRACE(of.name);
            Stream random(pending);
            EventQueue queue;
            std::set<Event> expected;
            Time now = 0;
            std::uint64_t sequence = 0;
            for (int step = 0; step < 200'000; ++step) {
                const bool grow = expected.size() < pending / 2 + random.bits() % pending;
                if (expected.empty() || grow) {
                    const Duration room = kNever - now;
                    const Duration ahead = std::min(of.draw(random), room / 2);
                    const Event event{now + ahead, static_cast<std::uint32_t>(random.bits() % 50),
                                      7, sequence++};
                    queue.push(event);
                    expected.insert(event);
                    continue;
                }
                ASSERT_EQ(queue.size(), expected.size());
                const Event least = *expected.begin();
                if (random.bits() % 4 == 0) {
                    ASSERT_EQ(queue.top().sequence, least.sequence);
                    continue;
                }
                const Event event = queue.pop();
                ASSERT_EQ(event.time, least.time);
                ASSERT_EQ(event.entity, least.entity);
                ASSERT_EQ(event.sequence, least.sequence);
                ASSERT_EQ(event.kind, 7u);
                now = event.time;
                expected.erase(expected.begin());
            }
        }
    }
}

// A look far ahead makes a run of a long interval; many events are pushed into it, and before it.
TEST(EventQueue, ABurstIntoTheRunsIntervalStaysInOrder) {
    constexpr Time kStart = Time{60} << 24;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        EventQueue queue;
        queue.push({kStart, 5, 0, 0});
        queue.push({0, 0, 0, 1});
        EXPECT_EQ(queue.pop().time, 0);
        EXPECT_EQ(queue.top().time, kStart);
        Stream random(seed);
        std::set<Event> expected = {{kStart, 5, 0, 0}};
        for (std::uint64_t i = 2; i < 260 + 100 * seed; ++i) {
            const auto apart = static_cast<Duration>(random.bits() % 1000) - 500;
            const Event event{kStart + apart, static_cast<std::uint32_t>(random.bits() % 10), 0, i};
            queue.push(event);
            expected.insert(event);
        }
        for (const Event& event : expected) ASSERT_EQ(queue.pop().sequence, event.sequence);
        EXPECT_TRUE(queue.empty());
    }
}

TEST(EventQueue, HoldsTheLastTimeThereIs) {
    EventQueue queue;
    queue.push({kNever, 0, 0, 0});
    queue.push({0, 0, 0, 1});
    queue.push({kNever - 1, 0, 0, 2});
    EXPECT_EQ(queue.pop().time, 0);
    EXPECT_EQ(queue.pop().time, kNever - 1);
    EXPECT_EQ(queue.pop().time, kNever);
    EXPECT_TRUE(queue.empty());
}

TEST(EventQueueDeathTest, ThePastIsABug) {
    EventQueue queue;
    queue.push({10, 0, 0, 0});
    queue.pop();
    EXPECT_DEATH(queue.push({9, 0, 0, 1}), "event.time >= now_");
    EXPECT_DEATH(queue.pop(), "size_ > 0");
}

TEST(EventQueue, AllocatesNothingInSteadyState) {
    for (const Increments& of : increments()) {
        if (of.name == "any power of two") continue;  // runs out of time
        EventQueue queue;
        Stream random(8);
        std::uint64_t sequence = 0;
        const auto hold = [&](int events) {
            for (int i = 0; i < events; ++i) {
                Event event = queue.pop();
                event.time += of.draw(random);
                event.sequence = sequence++;
                queue.push(event);
            }
        };
        for (std::uint32_t i = 0; i < 2000; ++i) queue.push({of.draw(random), i, 0, sequence++});
        hold(500'000);
        const std::uint64_t before = counted_allocations();
        hold(100'000);
        EXPECT_EQ(counted_allocations(), before) << of.name;
    }
}

}  // namespace
}  // namespace hvlab::sim
