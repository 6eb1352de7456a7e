// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace hvlab::sim {

// Threads that do the same job together, again and again. Between jobs they spin for some
// microseconds, then sleep. They take no signals.
class ThreadPool {
public:
    class Job {
    public:
        virtual ~Job() = default;
        // On thread 0 (the caller's), 1, ... Must not throw.
        virtual void work(int thread) = 0;
    };

    // 1 is the caller alone. HostError if a thread can't be started.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return static_cast<int>(workers_.size()) + 1; }
    // Returns when all have done their part.
    void run(Job& job);

private:
    void serve(int thread);
    void stop();
    void await_change(const std::atomic<std::uint32_t>& of, std::uint32_t from) const;

    Job* job_ = nullptr;  // nullptr: leave
    int spins_ = 0;
    alignas(64) std::atomic<std::uint32_t> round_{0};
    alignas(64) std::atomic<std::uint32_t> at_work_{0};
    std::vector<std::thread> workers_;
};

}  // namespace hvlab::sim
