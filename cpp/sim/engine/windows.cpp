// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/windows.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/status.h"

namespace hvlab::sim {
namespace {

constexpr Duration kFirstLength = kMillisecond;
constexpr std::size_t kLargestBlock = 64;
// In turn, without an event: more than a VM of 4096 vCPUs needs that is given a pair at a time.
constexpr int kMostFeedsInVain = 5000;

// Small enough that every thread has several; 64 times are eight cache lines.
std::size_t block_size(std::size_t processes, int threads) {
    const std::size_t blocks = 16 * static_cast<std::size_t>(threads);
    return std::clamp<std::size_t>(processes / blocks, 1, kLargestBlock);
}

}  // namespace

// A thread's own.
struct alignas(64) Engine::Worker final : Outbox {
    Worker(Engine& of, std::size_t number) : engine(of), index(number) {}

    unsigned thread() const override { return static_cast<unsigned>(index); }

    void send(Time now, ProcessId to, Duration delay, std::uint32_t kind, std::uint32_t entity,
              std::uint64_t value) override {
        HVLAB_ASSERT(!engine.options_.independent);
        HVLAB_ASSERT(delay >= engine.options_.lookahead);
        HVLAB_ASSERT(now >= engine.start_ && now < engine.end_ && delay < kNever - now);
        HVLAB_ASSERT(to < engine.processes_.size());
        outbox.push_back({now + delay, current, to, engine.sent_[current]++, kind, entity, value});
    }

    Engine& engine;
    const std::size_t index;
    ProcessId current = 0;
    std::uint64_t events = 0;
    std::vector<Message> outbox;
    std::vector<ProcessId> starved;
    ProcessId failed = 0;  // the lowest
    std::exception_ptr failure;
    // Blocks that this thread takes first; others take from them when they have done their own.
    std::atomic<std::size_t> next_block{0};
    std::size_t blocks_begin = 0;
    std::size_t blocks_end = 0;
};

class Engine::Job final : public ThreadPool::Job {
public:
    using Part = void (Engine::*)(Worker&);
    Job(Engine& engine, Part part) : engine_(engine), part_(part) {}
    void work(int thread) override {
        (engine_.*part_)(*engine_.workers_[static_cast<std::size_t>(thread)]);
    }

private:
    Engine& engine_;
    Part part_;
};

Engine::Engine(std::vector<Process*> processes, const EngineOptions& options)
    : processes_(std::move(processes)),
      options_(options),
      length_(kFirstLength),
      block_size_(block_size(processes_.size(), options.threads)),
      next_(processes_.size(), kNever),
      block_next_((processes_.size() + block_size_ - 1) / block_size_, kNever),
      mail_(processes_.size()),
      sent_(processes_.size()),
      pool_(options.threads) {
    HVLAB_ASSERT(options.lookahead >= 1 && options.longest_window >= 1);
    HVLAB_ASSERT(options.window_events >= 1);
    HVLAB_ASSERT(processes_.size() < ProcessId{0} - ProcessId{1});
    const auto threads = static_cast<std::size_t>(options.threads);
    for (std::size_t thread = 0; thread < threads; ++thread) {
        workers_.push_back(std::make_unique<Worker>(*this, thread));
        workers_.back()->blocks_begin = block_next_.size() * thread / threads;
        workers_.back()->blocks_end = block_next_.size() * (thread + 1) / threads;
    }
}

Engine::~Engine() = default;

bool Engine::run(Time end, Observer& observer) {
    HVLAB_ASSERT(!broken_ && end >= now_);
    refresh();
    for (;;) {
        start_ = mail_.next();
        for (const Time next : block_next_) start_ = std::min(start_, next);
        if (start_ >= end) break;
        HVLAB_ASSERT(start_ >= now_);
        const Duration length = longest();
        end_ = length < end - start_ ? start_ + length : end;

        broken_ = true;  // if anything is thrown
        const std::uint64_t events = run_window(observer);
        now_ = end_;
        events_ += events;
        last_events_ = events;
        adapt(end_ - start_, events);
        broken_ = false;
        if (!observer.window(now_, events)) return false;
    }
    now_ = end;
    return true;
}

Duration Engine::longest() const {
    const Duration allowed = options_.independent ? kNever : options_.lookahead;
    return std::min({length_, allowed, options_.longest_window});
}

// From the events of the last window alone: the same on any machine.
void Engine::adapt(Duration length, std::uint64_t events) {
    const std::uint64_t wanted = options_.window_events;
    if (events > 2 * wanted) {
        length_ = std::max<Duration>(1, length / static_cast<Duration>(events / wanted));
    } else if (events < wanted / 2 && length >= length_) {
        length_ = std::min(length_, kNever / 2) * 2;
    }
}

// Its owner may have changed any process since the last run.
void Engine::refresh() {
    for (std::size_t i = 0; i < processes_.size(); ++i) next_[i] = processes_[i]->next();
    for (std::size_t block = 0; block < block_next_.size(); ++block) renew_block(block);
}

void Engine::renew_block(std::size_t block) {
    const auto begin = next_.begin() + static_cast<std::ptrdiff_t>(block * block_size_);
    const std::size_t size = std::min(block_size_, next_.size() - block * block_size_);
    block_next_[block] = *std::min_element(begin, begin + static_cast<std::ptrdiff_t>(size));
}

std::uint64_t Engine::run_window(Observer& observer) {
    mail_.deliver(end_, [this](ProcessId to, Time time) {
        next_[to] = std::min(next_[to], time);
        Time& block = block_next_[to / block_size_];
        block = std::min(block, time);
    });
    for (auto& worker : workers_) {
        worker->events = 0;
        worker->next_block.store(worker->blocks_begin, std::memory_order_relaxed);
    }
    Job job(*this, &Engine::advance_blocks);
    work(job);
    throw_first();
    feed(observer);

    mail_.window_over();
    std::uint64_t events = 0;
    std::size_t messages = 0;
    for (auto& worker : workers_) {
        events += worker->events;
        messages += worker->outbox.size();
        for (const Message& message : worker->outbox) mail_.post(message);
        worker->outbox.clear();
    }
    // Another time one thread may have them all.
    for (auto& worker : workers_) {
        if (worker->outbox.capacity() < messages) worker->outbox.reserve(2 * messages);
    }
    return events;
}

void Engine::work(Job& job) {
    if (last_events_ < options_.events_worth_waking) {
        job.work(0);
    } else {
        pool_.run(job);
    }
}

// Until nobody starves, and all stand at the window's end.
void Engine::feed(Observer& observer) {
    std::uint64_t events_before = 0;
    for (int in_vain = 0;; ++in_vain) {
        std::uint64_t events = 0;
        for (const auto& worker : workers_) events += worker->events;
        if (std::exchange(events_before, events) != events) in_vain = 0;
        starved_.clear();
        for (auto& worker : workers_) {
            starved_.insert(starved_.end(), worker->starved.begin(), worker->starved.end());
            worker->starved.clear();
        }
        if (starved_.empty()) return;
        if (in_vain > kMostFeedsInVain) {
            throw ConfigError("workload", "is given nothing, again and again, and starves");
        }
        std::sort(starved_.begin(), starved_.end());
        observer.feed(starved_);
        starved_taken_.store(0, std::memory_order_relaxed);
        Job job(*this, &Engine::advance_starved);
        work(job);
        throw_first();
        for (const ProcessId process : starved_) renew_block(process / block_size_);
    }
}

void Engine::throw_first() {
    const Worker* first = nullptr;
    for (const auto& worker : workers_) {
        if (worker->failure && (first == nullptr || worker->failed < first->failed)) {
            first = worker.get();
        }
    }
    if (first != nullptr) std::rethrow_exception(first->failure);
}

// Its own blocks first: their processes are in this processor's cache.
void Engine::advance_blocks(Worker& worker) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker& owner = *workers_[(worker.index + i) % workers_.size()];
        for (;;) {
            const std::size_t block = owner.next_block.fetch_add(1, std::memory_order_relaxed);
            if (block >= owner.blocks_end) break;
            if (block_next_[block] < end_) advance_block(block, worker);
        }
    }
}

void Engine::advance_block(std::size_t block, Worker& worker) {
    const std::size_t begin = block * block_size_;
    const std::size_t end = std::min(begin + block_size_, next_.size());
    for (std::size_t process = begin; process < end; ++process) {
        if (next_[process] < end_) advance(static_cast<ProcessId>(process), worker);
    }
    renew_block(block);
}

void Engine::advance_starved(Worker& worker) {
    for (;;) {
        const std::size_t taken = starved_taken_.fetch_add(1, std::memory_order_relaxed);
        if (taken >= starved_.size()) return;
        advance(starved_[taken], worker);
    }
}

// Through the window, or until it starves.
void Engine::advance(ProcessId process, Worker& worker) try {
    Process& at = *processes_[process];
    worker.current = process;
    bool starved = false;
    for (;;) {
        const Message* message = mail_.first(process);
        const Time until = message == nullptr ? end_ : message->time;
        const Advanced advanced = at.advance(until, worker);
        worker.events += advanced.events;
        starved = advanced.starved;
        if (starved || message == nullptr) break;
        at.receive(*message);
        mail_.drop_first(process);
        ++worker.events;
    }
    if (starved) worker.starved.push_back(process);
    next_[process] = at.next();
    HVLAB_ASSERT(starved || next_[process] >= end_);
} catch (...) {
    if (!worker.failure || process < worker.failed) {
        worker.failure = std::current_exception();
        worker.failed = process;
    }
}

void Engine::save(StateWriter& writer) const {
    HVLAB_ASSERT(!broken_);
    writer.begin("engine", 1);
    writer.put<std::uint64_t>(processes_.size());
    writer.put(now_);
    writer.put(length_);
    writer.put(events_);
    writer.put(last_events_);
    for (const std::uint64_t sent : sent_) writer.put(sent);
    mail_.save(writer);
}

void Engine::load(StateReader& reader) {
    HVLAB_ASSERT(!broken_ && now_ == 0 && events_ == 0);
    reader.begin("engine", 1);
    reader.get_in<std::uint64_t>(processes_.size(), processes_.size(), "number of processes");
    now_ = reader.get_in<Time>(0, kNever, "time");
    length_ = reader.get_in<Duration>(1, kNever, "length of a window");
    events_ = reader.get<std::uint64_t>();
    last_events_ = reader.get<std::uint64_t>();
    for (std::uint64_t& sent : sent_) sent = reader.get<std::uint64_t>();
    mail_.load(reader, now_);
    if (options_.independent && mail_.next() != kNever) {
        throw StateError("a message to a process that is sent none");
    }
}

}  // namespace hvlab::sim
