// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/bus/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "core/base/random.h"

namespace hvlab {
namespace {

using testing::ElementsAre;

class FakeSource : public Timeline::Source {
public:
    Nanoseconds now() const override { return time; }
    void deadline_changed() override { ++changes; }

    Nanoseconds time = 0;
    int changes = 0;
};

class TimelineTest : public testing::Test {
protected:
    Timeline::TimerId add(const std::string& name) {
        return timeline_.add_timer(name, [this, name] { fired_.push_back(name); });
    }

    Timeline timeline_;
    std::vector<std::string> fired_;
};

TEST_F(TimelineTest, FiresInOrderOfTimeAndThenOfAdding) {
    const auto a = add("a");
    const auto b = add("b");
    const auto c = add("c");
    const auto d = add("d");
    timeline_.arm(c, 20);
    timeline_.arm(d, 10);
    timeline_.arm(b, 20);
    timeline_.arm(a, 21);
    EXPECT_EQ(timeline_.next_deadline(), 10);
    timeline_.advance_to(20);
    timeline_.fire_due();
    EXPECT_THAT(fired_, ElementsAre("d", "b", "c"));
    EXPECT_EQ(timeline_.next_deadline(), 21);
    EXPECT_EQ(timeline_.deadline(b), std::nullopt);
    EXPECT_EQ(timeline_.name(a), "a");
}

TEST_F(TimelineTest, NothingFiresBeforeItsTime) {
    const auto a = add("a");
    timeline_.arm(a, 10);
    timeline_.advance_to(9);
    timeline_.fire_due();
    EXPECT_TRUE(fired_.empty());
    EXPECT_EQ(timeline_.deadline(a), 10);
}

TEST_F(TimelineTest, RearmingMovesAndDisarmingRemoves) {
    const auto a = add("a");
    const auto b = add("b");
    timeline_.arm(a, 10);
    timeline_.arm(b, 20);
    timeline_.arm(a, 30);
    EXPECT_EQ(timeline_.next_deadline(), 20);
    timeline_.disarm(b);
    timeline_.disarm(b);
    EXPECT_EQ(timeline_.next_deadline(), 30);
    timeline_.disarm(a);
    EXPECT_EQ(timeline_.next_deadline(), std::nullopt);
    timeline_.advance_to(100);
    timeline_.fire_due();
    EXPECT_TRUE(fired_.empty());
}

TEST_F(TimelineTest, ATimeInThePastFiresAtOnce) {
    const auto a = add("a");
    timeline_.advance_to(100);
    timeline_.arm(a, -5);
    timeline_.fire_due();
    EXPECT_THAT(fired_, ElementsAre("a"));
}

TEST_F(TimelineTest, CallbacksMayArmAndAddTimers) {
    int rounds = 0;
    Timeline::TimerId periodic = 0;
    periodic = timeline_.add_timer("periodic", [&] {
        fired_.push_back("p");
        for (int i = 0; i < 50; ++i) add("filler");
        if (++rounds < 3) timeline_.arm(periodic, 10 * (rounds + 1));
    });
    timeline_.arm(periodic, 10);
    timeline_.advance_to(35);
    timeline_.fire_due();
    EXPECT_THAT(fired_, ElementsAre("p", "p", "p"));
}

TEST_F(TimelineTest, ACallbackThatThrowsLeavesTheRestArmed) {
    const auto bad = timeline_.add_timer("bad", [] { throw std::runtime_error("no"); });
    const auto a = add("a");
    timeline_.arm(bad, 1);
    timeline_.arm(a, 2);
    timeline_.advance_to(5);
    EXPECT_THROW(timeline_.fire_due(), std::runtime_error);
    EXPECT_EQ(timeline_.deadline(bad), std::nullopt);
    timeline_.fire_due();
    EXPECT_THAT(fired_, ElementsAre("a"));
}

TEST_F(TimelineTest, TheSourceIsTheClockAndHearsOfEarlierDeadlinesOnly) {
    FakeSource source;
    source.time = 1000;
    timeline_.advance_to(5);
    timeline_.set_source(&source);
    EXPECT_EQ(timeline_.now(), 1000);
    const auto a = add("a");
    const auto b = add("b");
    timeline_.arm(a, 2000);
    EXPECT_EQ(source.changes, 1);
    timeline_.arm(b, 3000);
    timeline_.arm(a, 2500);
    timeline_.arm(a, 2500);
    EXPECT_EQ(source.changes, 1);
    timeline_.arm(b, 2400);
    EXPECT_EQ(source.changes, 2);
    timeline_.disarm(b);
    timeline_.disarm(a);
    EXPECT_EQ(source.changes, 2);
    timeline_.set_source(nullptr);
    EXPECT_EQ(timeline_.now(), 5);
}

TEST_F(TimelineTest, RunningBackwardsIsABugOfOurs) {
    timeline_.advance_to(10);
    EXPECT_DEATH(timeline_.advance_to(9), "when >= now_");
    EXPECT_DEATH(timeline_.arm(0, 1), "timer < timers_");
}

TEST(TimelineProperty, RandomOperationsAgreeWithASortedSet) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        RandomStream random{Seed{seed}};
        Timeline timeline;
        std::vector<std::size_t> fired;
        std::vector<std::size_t> expected;
        std::set<std::tuple<Nanoseconds, std::size_t>> model;
        std::map<std::size_t, Nanoseconds> armed;
        for (std::size_t i = 0; i < 9; ++i) {
            timeline.add_timer(std::to_string(i), [&fired, i] { fired.push_back(i); });
        }
        Nanoseconds now = 0;
        for (int round = 0; round < 3000; ++round) {
            const std::size_t timer = random.below(9);
            switch (random.below(4)) {
                case 0:
                case 1: {
                    const Nanoseconds when = now + static_cast<Nanoseconds>(random.below(40)) - 3;
                    if (armed.count(timer) != 0) model.erase({armed[timer], timer});
                    model.insert({when, timer});
                    armed[timer] = when;
                    timeline.arm(timer, when);
                    break;
                }
                case 2:
                    if (armed.count(timer) != 0) model.erase({armed[timer], timer});
                    armed.erase(timer);
                    timeline.disarm(timer);
                    break;
                default:
                    now += static_cast<Nanoseconds>(random.below(20));
                    timeline.advance_to(now);
                    timeline.fire_due();
                    while (!model.empty() && std::get<0>(*model.begin()) <= now) {
                        expected.push_back(std::get<1>(*model.begin()));
                        armed.erase(expected.back());
                        model.erase(model.begin());
                    }
            }
            ASSERT_EQ(fired, expected) << "seed " << seed << " round " << round;
            ASSERT_EQ(timeline.next_deadline().has_value(), !model.empty());
            if (!model.empty()) {
                ASSERT_EQ(*timeline.next_deadline(), std::get<0>(*model.begin()));
            }
        }
    }
}

}  // namespace
}  // namespace hvlab
