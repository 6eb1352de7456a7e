// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulator's event queue against others, in the hold model (Jones: An Empirical Comparison of
// Priority-Queue and Event-Set Implementations, CACM 29(4), 1986): the least event is popped and
// pushed again some increment later. All queues take turns in slices, and their processor time is
// summed: spreading a large bucket is in it. `build/release/bench/sim/sim_event_queue_bench
// [--quick]` prints a line of JSON for each distribution and number pending: ns to hold an event,
// by queue. Exits with 1 if two queues disagree about the order.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/sim/peer_queues.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/stream.h"

namespace hvlab::sim {
namespace {

constexpr std::size_t kIncrements = 1 << 20;

struct Distribution {
    std::string name;
    std::function<double(Stream&)> draw;  // ns
};

const std::vector<Distribution>& distributions() {
    static const std::vector<Distribution> all = {
        {"exponential", [](Stream& s) { return s.exponential() * 1e9; }},
        // Nine in ten are ten thousand times shorter.
        {"bimodal", [](Stream& s) { return s.exponential() * (s.bits() % 10 == 0 ? 1e9 : 1e5); }},
        // Timers of 1, 10 and 30 ms that drift apart by less than 100 ns a time.
        {"clustered",
         [](Stream& s) {
             const double periods[] = {1e6, 1e7, 3e7};
             return periods[s.bits() % 3] + static_cast<double>(s.bits() % 100);
         }},
        {"equal", [](Stream&) { return 1e6; }},
        {"pareto 1.05", [](Stream& s) { return 1e3 / std::pow(s.uniform(), 1 / 1.05); }},
    };
    return all;
}

std::vector<Duration> increments(const Distribution& distribution) {
    Stream stream(1);
    std::vector<Duration> all(kIncrements);
    for (Duration& one : all) one = 1 + static_cast<Duration>(distribution.draw(stream));
    return all;
}

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

class Held {
public:
    virtual ~Held() = default;
    virtual void hold(std::size_t times) = 0;

    void run(std::size_t times) {
        const double before = processor_seconds();
        hold(times);
        seconds_ += processor_seconds() - before;
        held_ += times;
    }
    double nanoseconds() const { return seconds_ * 1e9 / static_cast<double>(held_); }
    std::uint64_t order() const { return order_; }
    void forget_time() {
        seconds_ = 0;
        held_ = 0;
    }

protected:
    std::uint64_t order_ = 0;  // a hash of it

private:
    double seconds_ = 0;
    std::size_t held_ = 0;
};

template <typename Queue>
class HeldQueue final : public Held {
public:
    HeldQueue(std::size_t pending, const std::vector<Duration>& increments)
        : increments_(increments) {
        for (std::uint32_t i = 0; i < pending; ++i) queue_.push({next(), i, 0, sequence_++});
    }
    void hold(std::size_t times) override {
        for (std::size_t i = 0; i < times; ++i) {
            Event event = queue_.pop();
            order_ = order_ * 31 + static_cast<std::uint64_t>(event.time) + event.entity;
            event.time += next();
            event.sequence = sequence_++;
            queue_.push(event);
        }
    }

private:
    Duration next() { return increments_[drawn_++ % kIncrements]; }

    Queue queue_;
    const std::vector<Duration>& increments_;
    std::size_t drawn_ = 0;
    std::uint64_t sequence_ = 0;
};

struct Named {
    std::string name;
    std::unique_ptr<Held> queue;
};

std::vector<Named> queues_for(const Distribution& distribution, std::size_t pending,
                              const std::vector<Duration>& steps) {
    std::vector<Named> queues;
    const auto add = [&]<typename Queue>(std::string name) {
        queues.push_back({std::move(name), std::make_unique<HeldQueue<Queue>>(pending, steps)});
    };
    add.template operator()<EventQueue>("ours");
    add.template operator()<peers::StdQueue>("std::priority_queue");
    add.template operator()<peers::QuadHeap>("4-ary heap");
    add.template operator()<peers::LadderQueue>("ladder");
    add.template operator()<peers::TwoTierQueue>("two-tier");
    // Its days are lists: thousands of events in one day take for ever.
    const bool ties = distribution.name == "equal" || distribution.name == "clustered";
    if (!ties || pending < 10'000) add.template operator()<peers::CalendarQueue>("calendar");
    return queues;
}

// Whether all of them keep one order.
bool compare(const Distribution& distribution, std::size_t pending, std::size_t rounds) {
    const std::vector<Duration> steps = increments(distribution);
    const std::vector<Named> queues = queues_for(distribution, pending, steps);
    for (const Named& named : queues) {
        named.queue->run(2 * pending);
        named.queue->forget_time();
    }
    for (std::size_t round = 0; round < rounds; ++round) {
        for (const Named& named : queues) {
            named.queue->run(std::max<std::size_t>(20'000, pending / 20));
        }
    }
    bool good = true;
    std::string line;
    for (const auto& [name, queue] : queues) {
        line += fmt::format(", \"{}\": {:.4g}", name, queue->nanoseconds());
        good = good && queue->order() == queues.front().queue->order();
    }
    fmt::print("{{\"increments\": \"{}\", \"pending\": {}, \"ns\": {{{}}}}}\n", distribution.name,
               pending, line.substr(2));
    if (!good) fmt::print(stderr, "{}: the queues disagree about the order\n", distribution.name);
    return good;
}

}  // namespace
}  // namespace hvlab::sim

int main(int count, char** arguments) {
    const bool quick = count > 1 && std::strcmp(arguments[1], "--quick") == 0;
    bool good = true;
    for (const auto& distribution : hvlab::sim::distributions()) {
        for (const std::size_t pending : {1'000, 10'000, 100'000, 1'000'000}) {
            if (quick && pending > 10'000) continue;
            good = hvlab::sim::compare(distribution, pending, quick ? 3 : 60) && good;
        }
    }
    return good ? 0 : 1;
}
