// SPDX-License-Identifier: GPL-2.0-or-later
//
// PHOLD (Fujimoto: Performance of Time Warp Under Synthetic Workloads, SCS Multiconference on
// Distributed Simulation, 1990): each event causes one other, here or elsewhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "sim/engine/process.h"
#include "sim/engine/stream.h"

namespace hvlab::sim::testing {

struct PholdOptions {
    std::uint32_t processes = 100;
    std::uint32_t events = 16;  // of each process
    double remote = 0.3;        // the part of events that are sent to any process
    Duration lookahead = kMillisecond;
    Duration mean = 10 * kMillisecond;
    // Times are multiples of it: many are equal when it is large.
    Duration grain = 1;
};

class Phold final : public Process {
public:
    Phold(const PholdOptions& options, ProcessId id) : options_(options), id_(id), stream_(id + 1) {
        for (std::uint32_t i = 0; i < options.events; ++i) add({draw(), 0, sequence_++});
    }

    Time next() const override { return pending_.empty() ? kNever : pending_.front().time; }
    Advanced advance(Time end, Outbox& outbox) override {
        Advanced advanced;
        while (next() < end) {
            if (throw_at_ <= pending_.front().time) throw Failure(id_);
            if (next() > fed_until_) return {advanced.events, true};
            ++advanced.events;
            std::pop_heap(pending_.begin(), pending_.end());
            const Pending event = pending_.back();
            pending_.pop_back();
            handle(event, outbox);
        }
        return advanced;
    }
    void receive(const Message& message) override {
        const Pending received{message.time, message.from + 1, message.sequence};
        HVLAB_ASSERT(received < last_received_ && next() >= message.time);  // in reverse: for heaps
        last_received_ = received;
        add(received);
    }

    void save(StateWriter& writer) const override {
        writer.begin("phold", 1);
        for (const std::uint64_t field : {stream_.drawn(), hash_, sequence_, handled_}) {
            writer.put(field);
        }
        writer.put<std::uint64_t>(pending_.size());
        for (const Pending& event : pending_) {
            writer.put(event.time);
            writer.put(event.source);
            writer.put(event.sequence);
        }
    }
    void load(StateReader& reader) override {
        reader.begin("phold", 1);
        stream_ = Stream(stream_.key(), reader.get<std::uint64_t>());
        for (std::uint64_t* field : {&hash_, &sequence_, &handled_}) {
            *field = reader.get<std::uint64_t>();
        }
        pending_.resize(reader.get_in<std::uint64_t>(0, 1'000'000, "number of events"));
        for (Pending& event : pending_) {
            event.time = reader.get<Time>();
            event.source = reader.get<std::uint32_t>();
            event.sequence = reader.get<std::uint64_t>();
        }
    }

    // Of all events, in order.
    std::uint64_t hash() const { return hash_; }
    std::uint64_t handled() const { return handled_; }

    struct Failure : std::runtime_error {
        explicit Failure(ProcessId id) : std::runtime_error("thrown at will"), process(id) {}
        ProcessId process;
    };
    void reserve(std::size_t events) { pending_.reserve(events); }
    void throw_at(Time time) { throw_at_ = time; }
    // It starves for the events after that time.
    void feed_until(Time time) { fed_until_ = time; }

private:
    struct Pending {
        Time time;
        std::uint32_t source;  // 0: itself; else the sender and 1
        std::uint64_t sequence;
        friend bool operator<(const Pending& a, const Pending& b) {
            return std::tie(a.time, a.source, a.sequence) > std::tie(b.time, b.source, b.sequence);
        }
    };

    Duration draw() {
        const auto drawn =
            static_cast<Duration>(stream_.exponential() * static_cast<double>(options_.mean));
        return drawn / options_.grain * options_.grain;
    }
    void add(const Pending& event) {
        pending_.push_back(event);
        std::push_heap(pending_.begin(), pending_.end());
    }
    void handle(const Pending& event, Outbox& outbox) {
        ++handled_;
        for (const std::uint64_t word : {static_cast<std::uint64_t>(event.time),
                                         std::uint64_t{event.source}, event.sequence}) {
            hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15;
            hash_ ^= hash_ >> 29;
        }
        if (stream_.uniform() >= options_.remote) {
            add({event.time + draw(), 0, sequence_++});
            return;
        }
        const auto to = static_cast<ProcessId>(stream_.bits() % options_.processes);
        outbox.send(event.time, to, options_.lookahead + draw(), 1, 2, hash_);
    }

    PholdOptions options_;
    ProcessId id_;
    Stream stream_;
    std::uint64_t hash_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint64_t handled_ = 0;
    Pending last_received_{-1, 0, 0};
    Time throw_at_ = kNever;
    Time fed_until_ = kNever;
    std::vector<Pending> pending_;
};

// All processes of a model.
class PholdModel {
public:
    explicit PholdModel(const PholdOptions& options) {
        for (ProcessId id = 0; id < options.processes; ++id) {
            processes_.push_back(std::make_unique<Phold>(options, id));
        }
    }

    std::vector<Process*> processes() const {
        std::vector<Process*> all;
        all.reserve(size());
        for (const auto& process : processes_) all.push_back(process.get());
        return all;
    }
    Phold& operator[](std::size_t id) { return *processes_[id]; }
    std::size_t size() const { return processes_.size(); }
    std::vector<std::uint64_t> hashes() const {
        std::vector<std::uint64_t> all;
        all.reserve(size());
        for (const auto& process : processes_) all.push_back(process->hash());
        return all;
    }
    std::uint64_t handled() const {
        std::uint64_t sum = 0;
        for (const auto& process : processes_) sum += process->handled();
        return sum;
    }

private:
    std::vector<std::unique_ptr<Phold>> processes_;
};

}  // namespace hvlab::sim::testing
