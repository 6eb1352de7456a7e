// SPDX-License-Identifier: GPL-2.0-or-later
// The floor: the model in bare C++ on a std::priority_queue, with the mean response and no other
// statistics.
#include <algorithm>
#include <array>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "bench/sim/peers/hold.h"
#include "bench/sim/peers/model.h"
#include "bench/sim/peers/random.h"

namespace bench_sim {
namespace {

struct Event {
    double time;
    std::uint32_t entity;  // a VM whose think ends, or, from the number of VMs on, a host
    std::uint32_t plan;    // a host's: all but its latest are void

    bool operator<(const Event& other) const { return time > other.time; }
};

struct Burst {
    double finish;  // in the host's virtual time: the work that each burst has been given so far
    double start;
    std::uint32_t vm;

    bool operator<(const Burst& other) const { return finish > other.finish; }
};

constexpr double kNever = std::numeric_limits<double>::infinity();

// Processor sharing by virtual time: what is in the heap never changes when the rate does.
struct Host {
    double virtual_time = 0;
    double updated = 0;
    double due = kNever;  // of its latest plan
    std::uint32_t plan = 0;
    std::uint32_t active = 0;
    std::array<Burst, kVmsOfHost> bursts;  // a heap, the first to finish in front

    double rate() const { return active <= kCores ? 1.0 : double{kCores} / active; }
    double first_end() const { return updated + (bursts[0].finish - virtual_time) / rate(); }

    void advance(double now) {
        virtual_time += (now - updated) * rate();
        updated = now;
    }
};

class Model {
public:
    explicit Model(const Options& options)
        : random_(options.seed), hosts_(options.hosts()), left_(options.vms, options.bursts) {
        std::vector<Event> events;
        events.reserve(options.vms + options.hosts());
        for (std::uint32_t vm = 0; vm < options.vms; ++vm) {
            events.push_back({random_.exponential(), vm, 0});
        }
        queue_ = std::priority_queue<Event>({}, std::move(events));
    }

    Result run() {
        const Stopwatch watch;
        const auto vms = static_cast<std::uint32_t>(left_.size());
        while (!queue_.empty()) {
            const Event event = queue_.top();
            queue_.pop();
            if (event.entity < vms) {
                begin_burst(event.time, event.entity);
            } else if (Host& host = hosts_[event.entity - vms]; event.plan == host.plan) {
                wake(event.time, host);
            }
        }
        watch.stop(result_);
        return result_;
    }

private:
    void begin_burst(double now, std::uint32_t vm) {
        ++result_.events;
        Host& host = hosts_[vm / kVmsOfHost];
        host.advance(now);
        host.bursts[host.active++] = {host.virtual_time + random_.exponential(), now, vm};
        std::push_heap(host.bursts.begin(), host.bursts.begin() + host.active);
        plan(host);
    }

    void wake(double now, Host& host) {
        host.due = kNever;
        host.advance(now);
        if (host.first_end() <= now) {  // no arrival delayed it
            end_burst(now, host);
        }
        if (host.active != 0) {
            plan(host);
        }
    }

    void end_burst(double now, Host& host) {
        ++result_.events;
        std::pop_heap(host.bursts.begin(), host.bursts.begin() + host.active);
        const Burst& burst = host.bursts[--host.active];
        host.virtual_time = burst.finish;
        result_.response_seconds += now - burst.start;
        if (--left_[burst.vm] != 0) {
            queue_.push({now + random_.exponential(), burst.vm, 0});
        }
    }

    // An event for the first end, unless an earlier one is pending: that one plans anew.
    void plan(Host& host) {
        const double end = host.first_end();
        if (end < host.due) {
            host.due = end;
            const auto index = static_cast<std::uint32_t>(&host - hosts_.data());
            queue_.push({end, static_cast<std::uint32_t>(left_.size()) + index, ++host.plan});
        }
    }

    Random random_;
    std::priority_queue<Event> queue_;
    std::vector<Host> hosts_;
    std::vector<std::uint32_t> left_;  // bursts of each VM
    Result result_;
};

// What our queue keeps in order, as small as it gets.
struct Held {
    std::int64_t time;
    std::uint32_t entity;
    std::uint32_t sequence;

    bool operator<(const Held& other) const {
        if (time != other.time) return time > other.time;
        return entity != other.entity ? entity > other.entity : sequence > other.sequence;
    }
};

int hold_heap(const Options& options) {
    using Queue = std::priority_queue<Held>;
    Queue queue;
    return hold(
        options, queue,
        [](Queue& into, std::int64_t time, std::uint32_t entity, std::uint32_t sequence) {
            into.push({time, entity, sequence});
        },
        [](Queue& from) {
            const Held first = from.top();
            from.pop();
            return std::pair(first.time, first.entity);
        });
}

}  // namespace
}  // namespace bench_sim

int main(int argc, char** argv) {
    using namespace bench_sim;
    return program(argc, argv, {"--hold"}, [](const Options& options) {
        return options.hold != 0 ? hold_heap(options) : report(options, Model(options).run());
    });
}
