// SPDX-License-Identifier: GPL-2.0-or-later
//
// What parts of the simulator's engine were chosen against (docs/design/sim.md): indexed heaps in
// place of the agenda's tree, and other ways to find the processes that have something to do in a
// window. Part of `build/release/bench/sim/sim_engine_bench`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/engine/agenda.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/stream.h"
#include "sim/engine/testing/phold.h"

namespace hvlab::sim {
namespace {

// A heap of slots with `Width` children a node, that knows where each slot is.
template <std::size_t Width>
class IndexedHeap {
public:
    IndexedHeap(const std::vector<Time>& times, std::uint32_t slots) {
        for (std::uint32_t slot = 0; slot < slots; ++slot) heap_.push_back({times[slot], slot});
        std::sort(heap_.begin(), heap_.end());
        place_.resize(slots);
        for (std::uint32_t i = 0; i < slots; ++i) place_[heap_[i].slot] = i;
    }
    Agenda::Entry top() const { return {heap_.front().time, heap_.front().slot}; }
    void set(std::uint32_t slot, Time time) {
        const Node node{time, slot};
        const std::size_t at = place_[slot];
        if (heap_[at] < node) {
            down(at, node);
        } else {
            up(at, node);
        }
    }

private:
    struct Node {
        Time time;
        std::uint32_t slot;
        friend bool operator<(const Node& a, const Node& b) {
            return a.time != b.time ? a.time < b.time : a.slot < b.slot;
        }
    };
    void down(std::size_t i, const Node& node) {
        for (std::size_t child = Width * i + 1; child < heap_.size(); child = Width * i + 1) {
            const std::size_t end = std::min(child + Width, heap_.size());
            for (std::size_t other = child + 1; other < end; ++other) {
                if (heap_[other] < heap_[child]) child = other;
            }
            if (!(heap_[child] < node)) break;
            put(i, heap_[child]);
            i = child;
        }
        put(i, node);
    }
    void up(std::size_t i, const Node& node) {
        for (; i > 0 && node < heap_[(i - 1) / Width]; i = (i - 1) / Width) {
            put(i, heap_[(i - 1) / Width]);
        }
        put(i, node);
    }
    void put(std::size_t at, const Node& node) {
        heap_[at] = node;
        place_[node.slot] = static_cast<std::uint32_t>(at);
    }

    std::vector<Node> heap_;
    std::vector<std::uint32_t> place_;
};

class Tree {
public:
    Tree(const std::vector<Time>& times, std::uint32_t slots) : agenda_(slots) {
        for (std::uint32_t slot = 0; slot < slots; ++slot) agenda_.set(slot, times[slot]);
    }
    Agenda::Entry top() const { return agenda_.top(); }
    void set(std::uint32_t slot, Time time) { agenda_.set(slot, time); }

private:
    Agenda agenda_;
};

// The first slot is set to a later time, and `others` any slot, as when rates change.
// Arguments: slots, others, agendas in turn.
template <typename Of>
void agenda_by(benchmark::State& state) {
    Stream stream(1);
    std::vector<Duration> steps(1 << 20);
    for (Duration& step : steps) step = 1 + static_cast<Duration>(stream.exponential() * 1e6);
    const auto slots = static_cast<std::uint32_t>(state.range(0));
    const auto count = static_cast<std::size_t>(state.range(2));
    std::vector<Of> agendas;
    agendas.reserve(count);
    for (std::size_t i = 0; i < count; ++i) agendas.emplace_back(steps, slots);
    std::size_t i = 0;
    const auto step = [&] { return steps[i++ % steps.size()]; };
    for (auto _ : state) {
        Of& agenda = agendas[count == 1 ? 0 : static_cast<std::size_t>(step()) % count];
        const Agenda::Entry top = agenda.top();
        agenda.set(top.slot, top.time + step());
        if (state.range(1) != 0) {
            agenda.set(static_cast<std::uint32_t>(step()) % slots, top.time + step());
        }
    }
    state.SetItemsProcessed(state.iterations());
}
#define HVLAB_AGENDAS(of)     \
    BENCHMARK(agenda_by<of>)  \
        ->Args({17, 0, 1})    \
        ->Args({17, 1, 1})    \
        ->Args({17, 0, 2000}) \
        ->Args({320, 0, 1})   \
        ->Args({2000, 0, 1})
HVLAB_AGENDAS(Tree);
HVLAB_AGENDAS(IndexedHeap<2>);
HVLAB_AGENDAS(IndexedHeap<4>);
HVLAB_AGENDAS(IndexedHeap<8>);

class NoOutbox final : public Outbox {
public:
    unsigned thread() const override { return 0; }
    void send(Time, ProcessId, Duration, std::uint32_t, std::uint32_t, std::uint64_t) override {}
};

// PHOLD without messages, on one thread.
class Processes {
public:
    explicit Processes(std::uint32_t count)
        : model_({.processes = count, .remote = 0, .mean = kSecond}) {
        for (std::size_t id = 0; id < count; ++id) next_.push_back(model_[id].next());
    }
    std::size_t size() const { return next_.size(); }
    Time next(std::size_t id) const { return next_[id]; }
    const std::vector<Time>& next() const { return next_; }
    void advance(std::size_t id, Time end) {
        events_ += model_[id].advance(end, outbox_).events;
        next_[id] = model_[id].next();
    }
    std::uint64_t events() const { return events_; }

private:
    testing::PholdModel model_;
    NoOutbox outbox_;
    std::vector<Time> next_;
    std::uint64_t events_ = 0;
};

class Sweep {
public:
    explicit Sweep(Processes& processes) : processes_(processes) {}
    void window(Duration length) {
        const auto& next = processes_.next();
        const Time end = *std::min_element(next.begin(), next.end()) + length;
        for (std::size_t id = 0; id < next.size(); ++id) {
            if (next[id] < end) processes_.advance(id, end);
        }
    }

private:
    Processes& processes_;
};

// What Engine does.
class Blocks {
public:
    explicit Blocks(Processes& processes)
        : processes_(processes), least_((processes.size() + kBlock - 1) / kBlock) {
        for (std::size_t block = 0; block < least_.size(); ++block) renew(block);
    }
    void window(Duration length) {
        const Time end = *std::min_element(least_.begin(), least_.end()) + length;
        for (std::size_t block = 0; block < least_.size(); ++block) {
            if (least_[block] >= end) continue;
            for (std::size_t id = block * kBlock; id < this->end(block); ++id) {
                if (processes_.next(id) < end) processes_.advance(id, end);
            }
            renew(block);
        }
    }

private:
    static constexpr std::size_t kBlock = 64;
    std::size_t end(std::size_t block) const {
        return std::min((block + 1) * kBlock, processes_.size());
    }
    void renew(std::size_t block) {
        Time least = kNever;
        for (std::size_t id = block * kBlock; id < end(block); ++id) {
            least = std::min(least, processes_.next(id));
        }
        least_[block] = least;
    }

    Processes& processes_;
    std::vector<Time> least_;
};

template <bool Sorted>
class Queue {
public:
    explicit Queue(Processes& processes) : processes_(processes) {
        for (std::uint32_t id = 0; id < processes.size(); ++id) push(id);
    }
    void window(Duration length) {
        const Time end = queue_.top().time + length;
        due_.clear();
        while (!queue_.empty() && queue_.top().time < end) due_.push_back(queue_.pop().entity);
        if (Sorted) std::sort(due_.begin(), due_.end());
        for (const std::uint32_t id : due_) {
            processes_.advance(id, end);
            push(id);
        }
    }

private:
    void push(std::uint32_t id) { queue_.push({processes_.next(id), id, 0, 0}); }

    Processes& processes_;
    EventQueue queue_;
    std::vector<std::uint32_t> due_;
};

// Arguments: processes, events a window. Items are events.
template <typename Way>
void window_by(benchmark::State& state) {
    Processes processes(static_cast<std::uint32_t>(state.range(0)));
    Way way(processes);
    const double rate = 16e-9 * static_cast<double>(state.range(0));  // events a ns
    const auto length = static_cast<Duration>(static_cast<double>(state.range(1)) / rate);
    for (auto _ : state) {
        const std::uint64_t enough = processes.events() + 100'000;
        while (processes.events() < enough) way.window(length);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(processes.events()));
}

#define HVLAB_WINDOWS(way)      \
    BENCHMARK(window_by<way>)   \
        ->Args({1000, 30})      \
        ->Args({1000, 250'000}) \
        ->Args({62'500, 30})    \
        ->Args({62'500, 1000})  \
        ->Args({62'500, 250'000})
HVLAB_WINDOWS(Blocks);
HVLAB_WINDOWS(Sweep);
HVLAB_WINDOWS(Queue<false>);
HVLAB_WINDOWS(Queue<true>);

}  // namespace
}  // namespace hvlab::sim
