// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/engine/testing/counted_allocations.h"
#include "sim/engine/testing/phold.h"

namespace hvlab::sim {
namespace {

using testing::Phold;
using testing::PholdModel;
using testing::PholdOptions;

class Quiet : public Observer {
public:
    void feed(std::span<const ProcessId>) override { FAIL() << "nobody starves here"; }
    bool window(Time end, std::uint64_t events) override {
        EXPECT_GT(end, last);
        last = end;
        events_seen += events;
        ++windows;
        return windows < stop_after;
    }
    Time last = 0;
    std::uint64_t events_seen = 0;
    std::uint64_t windows = 0;
    std::uint64_t stop_after = ~std::uint64_t{0};
};

constexpr Time kEnd = kSecond / 10;

std::vector<std::uint64_t> hashes(const PholdOptions& options, const EngineOptions& how,
                                  Duration step = kEnd) {
    PholdModel model(options);
    Engine engine(model.processes(), how);
    Quiet observer;
    while (engine.now() < kEnd) {
        const Time end = std::min(kEnd, engine.now() + step);
        EXPECT_TRUE(engine.run(end, observer));
        EXPECT_EQ(engine.now(), end);
    }
    EXPECT_EQ(engine.events(), observer.events_seen);
    EXPECT_GT(model.handled(), 0u);
    return model.hashes();
}

std::vector<PholdOptions> models() {
    return {
        {},
        {.processes = 1},
        {.processes = 3, .remote = 1},
        {.processes = 700, .events = 1, .mean = kSecond / 2},     // more than one to a block
        {.processes = 40, .remote = 0.5, .grain = kMillisecond},  // many at the same time
        {.processes = 20, .remote = 0.5, .lookahead = 100 * kMillisecond},
    };
}

// One window a lookahead on one thread is what all others must agree with.
TEST(Engine, ThreadsAndWindowsDoNotMatter) {
    for (const PholdOptions& options : models()) {
        const auto expected = hashes(options, {.lookahead = options.lookahead});
        const auto check = [&](const EngineOptions& how) {
            EXPECT_EQ(hashes(options, how), expected)
                << how.threads << " threads, " << how.window_events << " events, "
                << how.longest_window << " ns";
        };
        for (const int threads : {2, 3, 8}) {
            check({.lookahead = options.lookahead, .threads = threads, .events_worth_waking = 0});
            check({.lookahead = options.lookahead, .threads = threads});
        }
        for (const std::uint64_t events : {1u, 300u}) {
            check({.lookahead = options.lookahead, .window_events = events});
            check({.lookahead = options.lookahead,
                   .threads = 2,
                   .longest_window = options.lookahead / 7});
        }
        EXPECT_EQ(
            hashes(options, {.lookahead = options.lookahead, .threads = 2}, 7 * kMillisecond + 1),
            expected);
    }
}

// Without an engine: one queue for all.
TEST(Engine, DoesWhatASequentialSimulationDoes) {
    struct Direct final : Outbox {
        unsigned thread() const override { return 0; }
        void send(Time now, ProcessId to, Duration delay, std::uint32_t kind, std::uint32_t entity,
                  std::uint64_t value) override {
            mail.push_back({now + delay, from, to, sent[from]++, kind, entity, value});
        }
        ProcessId from = 0;
        std::vector<std::uint64_t> sent;
        std::vector<Message> mail;
    };
    for (const PholdOptions& options : models()) {
        PholdModel model(options);
        Direct direct;
        direct.sent.resize(options.processes);
        for (;;) {
            Time next = kEnd;
            for (std::size_t i = 0; i < model.size(); ++i) next = std::min(next, model[i].next());
            for (const Message& message : direct.mail) next = std::min(next, message.time);
            if (next == kEnd) break;
            const auto due =
                std::partition(direct.mail.begin(), direct.mail.end(),
                               [next](const Message& message) { return message.time > next; });
            std::sort(due, direct.mail.end(), [](const Message& a, const Message& b) {
                return std::tie(a.from, a.sequence) < std::tie(b.from, b.sequence);
            });
            for (auto at = due; at != direct.mail.end(); ++at) model[at->to].receive(*at);
            direct.mail.erase(due, direct.mail.end());
            for (ProcessId i = 0; i < model.size(); ++i) {
                direct.from = i;
                if (model[i].next() == next) model[i].advance(next + 1, direct);
            }
        }
        EXPECT_EQ(model.hashes(),
                  hashes(options,
                         {.lookahead = options.lookahead, .threads = 2, .events_worth_waking = 0}));
        if (options.processes > 100) break;  // the others take long this way
    }
}

TEST(Engine, WindowsAdaptToTheEventsInThem) {
    PholdModel model({.processes = 50, .remote = 0});
    Engine engine(model.processes(), {.independent = true, .window_events = 1000});
    Quiet observer;
    engine.run(2 * kSecond, observer);
    // 50 x 16 events a 10 ms: 160,000 in all.
    EXPECT_NEAR(static_cast<double>(observer.events_seen), 160'000, 3'000);
    EXPECT_GT(observer.windows, 80u);
    EXPECT_LT(observer.windows, 340u);
}

// Quiet for a second, then a thousand events a millisecond.
TEST(Engine, WindowsShrinkWhenMoreHappens) {
    class Ticker final : public Process {
    public:
        Time next() const override { return next_; }
        Advanced advance(Time end, Outbox&) override {
            Advanced advanced;
            for (; next_ < end; ++advanced.events) {
                next_ += next_ < kSecond ? kMillisecond : kMicrosecond;
            }
            return advanced;
        }
        void receive(const Message&) override {}
        void save(StateWriter&) const override {}
        void load(StateReader&) override {}

    private:
        Time next_ = 0;
    };
    class Largest final : public Quiet {
    public:
        bool window(Time end, std::uint64_t events) override {
            if (end > 2 * kSecond) most = std::max(most, events);
            return Quiet::window(end, events);
        }
        std::uint64_t most = 0;
    };
    Ticker ticker;
    Engine engine({&ticker}, {.independent = true, .window_events = 100});
    Largest observer;
    engine.run(3 * kSecond, observer);
    EXPECT_GE(observer.most, 50u);
    EXPECT_LE(observer.most, 200u);
}

TEST(Engine, NoWindowIsLongerThanTheLookahead) {
    class Lengths final : public Quiet {
    public:
        bool window(Time end, std::uint64_t events) override {
            EXPECT_LE(end - last, 2 * kMillisecond);  // a gap before it, at most
            return Quiet::window(end, events);
        }
    };
    PholdModel model({.processes = 50, .lookahead = kMillisecond});
    Engine engine(model.processes(), {.lookahead = kMillisecond});
    Lengths observer;
    engine.run(kSecond, observer);
    EXPECT_GE(observer.windows, 900u);
}

TEST(Engine, StopsAtAWindowsEndAndGoesOn) {
    const PholdOptions options;
    PholdModel model(options);
    Engine engine(model.processes(), {.threads = 2, .events_worth_waking = 0});
    Quiet observer;
    observer.stop_after = 10;
    EXPECT_FALSE(engine.run(kEnd, observer));
    EXPECT_EQ(engine.now(), observer.last);
    for (std::size_t i = 0; i < model.size(); ++i) EXPECT_GE(model[i].next(), engine.now());
    observer.stop_after = ~std::uint64_t{0};
    EXPECT_TRUE(engine.run(kEnd, observer));
    EXPECT_EQ(model.hashes(), hashes(options, {}));
}

TEST(Engine, WithoutEventsTimePasses) {
    Engine engine({}, {.threads = 2, .events_worth_waking = 0});
    Quiet observer;
    EXPECT_TRUE(engine.run(kEnd, observer));
    EXPECT_EQ(engine.now(), kEnd);
    EXPECT_EQ(observer.windows, 0u);
}

// Feeds a step at a time, and writes down who starved.
class Feeder final : public Quiet {
public:
    explicit Feeder(PholdModel& model, Duration step) : model_(model), step_(step) {
        for (std::size_t i = 0; i < model.size(); ++i) model[i].feed_until(0);
    }
    void feed(std::span<const ProcessId> starved) override {
        EXPECT_TRUE(std::is_sorted(starved.begin(), starved.end()));
        for (const ProcessId id : starved) {
            model_[id].feed_until(model_[id].next() + step_);
            fed.emplace_back(id, model_[id].next());
        }
    }
    std::vector<std::pair<ProcessId, Time>> fed;

private:
    PholdModel& model_;
    Duration step_;
};

TEST(Engine, FeedsWhoStarves) {
    for (const PholdOptions& options : models()) {
        const auto expected = hashes(options, {.lookahead = options.lookahead});
        std::vector<std::pair<ProcessId, Time>> fed;
        for (const int threads : {1, 2, 3}) {
            PholdModel model(options);
            Engine engine(
                model.processes(),
                {.lookahead = options.lookahead, .threads = threads, .events_worth_waking = 0});
            Feeder feeder(model, 5 * kMillisecond);
            EXPECT_TRUE(engine.run(kEnd, feeder));
            EXPECT_EQ(model.hashes(), expected);
            EXPECT_FALSE(feeder.fed.empty());
            if (threads == 1) fed = feeder.fed;
            EXPECT_EQ(feeder.fed, fed);
        }
    }
}

TEST(Engine, WhoIsGivenNothingDoesNotStarveForEver) {
    struct Miser final : Quiet {
        void feed(std::span<const ProcessId>) override {}
    };
    for (const int threads : {1, 2}) {
        PholdModel model({.processes = 3});
        for (std::size_t i = 0; i < model.size(); ++i) model[i].feed_until(0);
        Engine engine(model.processes(), {.threads = threads, .events_worth_waking = 0});
        Miser miser;
        EXPECT_THROW(engine.run(kEnd, miser), ConfigError);
    }
}

// All three in the first window.
TEST(Engine, ThrowsWhatTheFirstProcessThrows) {
    for (const int threads : {1, 2, 3}) {
        PholdModel model({.processes = 300, .mean = kMillisecond / 10});
        for (const std::size_t id : {290u, 7u, 120u}) model[id].throw_at(0);
        auto engine = std::make_unique<Engine>(
            model.processes(), EngineOptions{.threads = threads, .events_worth_waking = 0});
        Quiet observer;
        try {
            engine->run(kEnd, observer);
            FAIL() << "nothing was thrown";
        } catch (const Phold::Failure& failure) {
            EXPECT_EQ(failure.process, 7u);
        }
        EXPECT_EQ(engine->now(), 0);
        EXPECT_EQ(observer.windows, 0u);
        engine.reset();  // its threads end
    }
}

// Two threads: the first is kept busy by process 0 until the second has failed twice, in its own
// process 2 and then in process 1, that it took from the first.
TEST(Engine, TheLowestOfSeveralThatThrowOnOneThreadAndOnTwo) {
    struct Failing final : Process {
        Failing(ProcessId number, bool throws, std::atomic<int>& count)
            : id(number), fails(throws), failures(count) {}
        Time next() const override { return time; }
        Advanced advance(Time, Outbox&) override {
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
            while (id == 0 && failures < 2 && std::chrono::steady_clock::now() < deadline) {
                std::this_thread::yield();
            }
            time = kNever;
            if (!fails) return {1};
            ++failures;
            throw Phold::Failure(id);
        }
        void receive(const Message&) override {}
        void save(StateWriter&) const override {}
        void load(StateReader&) override {}
        ProcessId id;
        bool fails;
        std::atomic<int>& failures;
        Time time = 1;
    };
    for (const bool first_fails : {false, true}) {
        std::atomic<int> failures{0};
        Failing processes[] = {{0, first_fails, failures},
                               {1, true, failures},
                               {2, true, failures},
                               {3, false, failures}};
        Engine engine({&processes[0], &processes[1], &processes[2], &processes[3]},
                      {.threads = 2, .events_worth_waking = 0});
        Quiet observer;
        try {
            engine.run(kEnd, observer);
            FAIL() << "nothing was thrown";
        } catch (const Phold::Failure& failure) {
            EXPECT_EQ(failure.process, first_fails ? 0u : 1u);
        }
        EXPECT_EQ(failures, first_fails ? 3 : 2);
    }
}

TEST(Engine, ThrowsWhatTheObserverThrows) {
    class Thrower final : public Quiet {
    public:
        bool window(Time end, std::uint64_t events) override {
            if (end > kEnd / 2) throw std::runtime_error("enough");
            return Quiet::window(end, events);
        }
    };
    const PholdOptions options;
    PholdModel model(options);
    Engine engine(model.processes(), {.threads = 2, .events_worth_waking = 0});
    Thrower thrower;
    EXPECT_THROW(engine.run(kEnd, thrower), std::runtime_error);
    Quiet observer;
    EXPECT_TRUE(engine.run(kEnd, observer));  // it stood at a window's end
    EXPECT_EQ(model.hashes(), hashes(options, {}));
}

TEST(Engine, GoesOnFromASavedState) {
    for (const PholdOptions& options : models()) {
        PholdModel model(options);
        Engine engine(model.processes(),
                      {.lookahead = options.lookahead, .threads = 2, .events_worth_waking = 0});
        Quiet observer;
        engine.run(kEnd / 3, observer);
        StateWriter writer;
        engine.save(writer);
        for (std::size_t i = 0; i < model.size(); ++i) model[i].save(writer);

        PholdModel other(options);
        Engine resumed(other.processes(),
                       {.lookahead = options.lookahead, .threads = 3, .events_worth_waking = 0});
        StateReader reader(writer.bytes());
        resumed.load(reader);
        for (std::size_t i = 0; i < other.size(); ++i) other[i].load(reader);
        EXPECT_TRUE(reader.at_end());
        EXPECT_EQ(resumed.now(), kEnd / 3);
        EXPECT_EQ(resumed.events(), engine.events());
        Quiet second;
        resumed.run(kEnd, second);
        EXPECT_EQ(other.hashes(), hashes(options, {.lookahead = options.lookahead}));

        engine.run(kEnd, observer);
        StateWriter one;
        engine.save(one);
        StateWriter two;
        resumed.save(two);
        EXPECT_EQ(one.bytes(), two.bytes());
    }
}

TEST(Engine, RefusesASavedStateOfOtherProcesses) {
    PholdModel model({.processes = 3});
    StateWriter writer;
    Engine(model.processes(), {}).save(writer);
    PholdModel other({.processes = 4});
    Engine engine(other.processes(), {});
    StateReader reader(writer.bytes());
    EXPECT_THROW(engine.load(reader), StateError);
}

TEST(Engine, AllocatesNothingInSteadyState) {
    for (const int threads : {1, 2}) {
        PholdModel model({.processes = 40, .remote = 0.5, .lookahead = 10 * kMillisecond});
        for (std::size_t i = 0; i < model.size(); ++i) model[i].reserve(1000);
        Engine engine(
            model.processes(),
            {.lookahead = 10 * kMillisecond, .threads = threads, .events_worth_waking = 0});
        Quiet observer;
        engine.run(5 * kSecond, observer);
        const std::uint64_t before = counted_allocations();
        engine.run(6 * kSecond, observer);
        EXPECT_EQ(counted_allocations(), before) << threads;
    }
}

class Sender final : public Process {
public:
    explicit Sender(Duration delay) : delay_(delay) {}
    Time next() const override { return time_; }
    Advanced advance(Time, Outbox& outbox) override {
        outbox.send(time_, 0, delay_, 0, 0, 0);
        time_ = kNever;
        return {1};
    }
    void receive(const Message&) override {}
    void save(StateWriter&) const override {}
    void load(StateReader&) override {}

private:
    Duration delay_;
    Time time_ = 5;
};

TEST(EngineDeathTest, AMessageThatIsTooFastIsABug) {
    Sender sender(kMillisecond - 1);
    Engine engine({&sender}, {.lookahead = kMillisecond});
    Quiet observer;
    EXPECT_DEATH(engine.run(kEnd, observer), "delay >= engine.options_.lookahead");
}

TEST(EngineDeathTest, AMessageAmongIndependentProcessesIsABug) {
    Sender sender(kMillisecond);
    Engine engine({&sender}, {.lookahead = kMillisecond, .independent = true});
    Quiet observer;
    EXPECT_DEATH(engine.run(kEnd, observer), "!engine.options_.independent");
}

}  // namespace
}  // namespace hvlab::sim
