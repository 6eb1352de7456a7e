// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/engine/thread_pool.h"

#include <emmintrin.h>

#include <csignal>
#include <system_error>

#include "core/base/status.h"

namespace hvlab::sim {
namespace {

// About 20 us: longer than the calling thread takes between two windows.
constexpr int kSpins = 500;

// While it lives, threads that are started inherit a mask that blocks all signals.
class SignalsBlocked {
public:
    SignalsBlocked() {
        ::sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    ::sigset_t before_{};
};

}  // namespace

ThreadPool::ThreadPool(int threads) {
    HVLAB_ASSERT(threads >= 1);
    // With fewer processors than threads, who spins keeps another from working.
    if (static_cast<unsigned>(threads) <= std::thread::hardware_concurrency()) spins_ = kSpins;
    workers_.reserve(static_cast<std::size_t>(threads - 1));
    const SignalsBlocked blocked;
    try {
        for (int thread = 1; thread < threads; ++thread) {
            workers_.emplace_back([this, thread] { serve(thread); });
        }
    } catch (const std::system_error& error) {
        stop();
        throw HostError("starting a thread of the simulator", error.code().value());
    }
}

ThreadPool::~ThreadPool() {
    stop();
}

void ThreadPool::stop() {
    job_ = nullptr;
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
}

void ThreadPool::run(Job& job) {
    if (workers_.empty()) {
        job.work(0);
        return;
    }
    job_ = &job;
    at_work_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    job.work(0);
    for (std::uint32_t left = at_work_.load(std::memory_order_acquire); left != 0;
         left = at_work_.load(std::memory_order_acquire)) {
        await_change(at_work_, left);
    }
}

void ThreadPool::serve(int thread) {
    for (std::uint32_t round = 0;; ++round) {
        await_change(round_, round);
        if (job_ == nullptr) return;
        job_->work(thread);
        if (at_work_.fetch_sub(1, std::memory_order_acq_rel) == 1) at_work_.notify_all();
    }
}

void ThreadPool::await_change(const std::atomic<std::uint32_t>& of, std::uint32_t from) const {
    for (int spin = 0; spin < spins_; ++spin) {
        if (of.load(std::memory_order_acquire) != from) return;
        _mm_pause();
    }
    of.wait(from, std::memory_order_acquire);
}

}  // namespace hvlab::sim
