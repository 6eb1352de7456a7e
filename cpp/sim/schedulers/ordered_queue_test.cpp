// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/ordered_queue.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace hvlab::sim {
namespace {

using Queue = OrderedQueue<std::int64_t>;
using Model = std::set<std::pair<std::int64_t, int>>;

void expect_same(const Queue& queue, const Model& model) {
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    auto expected = model.begin();
    for (const auto& [key, id] : queue) {
        ASSERT_EQ(key, expected->first);
        ASSERT_EQ(id, expected->second);
        ++expected;
    }
    if (model.empty()) return;
    ASSERT_EQ(queue.front().id, model.begin()->second);
}

TEST(OrderedQueue, IsASetInOrder) {
    for (const int capacity : {1, 2, 7, 40}) {
        Queue queue(static_cast<std::size_t>(capacity));
        Model model;
        std::vector<std::int64_t> key_of(static_cast<std::size_t>(capacity), -1);
        std::uint64_t random = 1;
        for (int step = 0; step < 5000; ++step) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            const int id = static_cast<int>((random >> 33U) % static_cast<unsigned>(capacity));
            auto& key = key_of[static_cast<std::size_t>(id)];
            if (key < 0) {
                // Few keys, so that there are equals; later ones more and more.
                key = static_cast<std::int64_t>((random >> 50U) % 8) + step / 16;
                queue.insert(key, id);
                model.emplace(key, id);
            } else {
                queue.remove(key, id);
                model.erase({key, id});
                key = -1;
            }
            expect_same(queue, model);
            if (HasFatalFailure()) return;
        }
    }
}

TEST(OrderedQueue, NewKeysNewOrder) {
    Queue queue(5);
    for (int id = 0; id < 5; ++id) queue.insert(id, id);
    queue.rekey([](int id) { return id < 3 ? 7 : -id; });
    expect_same(queue, {{-4, 4}, {-3, 3}, {7, 0}, {7, 1}, {7, 2}});
}

TEST(OrderedQueue, WhatIsNotInItCantBeTaken) {
    Queue queue(2);
    queue.insert(1, 0);
    EXPECT_DEATH(queue.remove(2, 0), "");
    EXPECT_DEATH(queue.remove(1, 1), "");
}

}  // namespace
}  // namespace hvlab::sim
