// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/run_signal.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "backends/kvm/system_calls.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

// What this thread's handler marks; null while it runs no vCPU. In the static block: a handler must
// not be the first to ask for a variable of a thread, which may allocate.
[[gnu::tls_model("initial-exec")]] thread_local std::atomic<kvm_run*> running{nullptr};

void mark(kvm_run& run, bool immediate) {
    std::atomic_ref<std::uint8_t>(run.immediate_exit).store(immediate ? 1 : 0);
}

void on_signal(int) {
    // Reads and writes memory only: what a signal handler may do.
    if (kvm_run* const run = running.load(std::memory_order_relaxed)) mark(*run, true);
}

struct Thread {
    pid_t id = 0;              // 0: not asked for yet
    std::uint64_t serial = 0;  // never used again, unlike its id; from 1 on
};

thread_local Thread current_thread;

// A forked child's only thread has another id than the one that it is a copy of.
void forget_thread() {
    current_thread = {};
}

// From the first time on the signal gets through to it, whatever mask it was made with.
const Thread& this_thread() {
    if (current_thread.id == 0) {
        static const int refused = ::pthread_atfork(nullptr, nullptr, forget_thread);
        if (refused != 0) fail("see to forks (pthread_atfork)", refused);
        static std::atomic<std::uint64_t> threads{0};
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, run_signal());
        ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
        current_thread = {.id = static_cast<pid_t>(::syscall(SYS_gettid)), .serial = ++threads};
    }
    return current_thread;
}

}  // namespace

int run_signal() {
    // One that neither the C library nor Python's modules use by default.
    static const int signal = [] {
        const int number = SIGRTMAX - 3;
        struct sigaction action {};
        action.sa_handler = on_signal;
        // One that comes too late is not noticed by what the thread does then. KVM_RUN returns.
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        if (::sigaction(number, &action, nullptr) != 0) {
            fail("install the handler of the signal that stops a vCPU", errno);
        }
        return number;
    }();
    return signal;
}

RunSignal::~RunSignal() {
    delete_timer();
}

void RunSignal::delete_timer() {
    if (timer_thread_ != 0) ::timer_delete(timer_);
    timer_thread_ = 0;
    armed_.reset();
}

void RunSignal::kick() {
    kicked_.store(true);
    mark(run_, true);
    // A thread that has gone meanwhile is no error: then nothing is in KVM_RUN.
    if (const pid_t thread = thread_.load(); thread != 0) {
        ::syscall(SYS_tgkill, ::getpid(), thread, run_signal());
    }
}

void RunSignal::set_immediate_exit(bool immediate) {
    mark(run_, immediate);
}

void RunSignal::set_end(std::optional<Clock::time_point> end) {
    end_ = end;
    if (thread_.load(std::memory_order_relaxed) != 0) arm();
}

void RunSignal::enter() {
    run_signal();
    outer_ = running.exchange(&run_);
    thread_.store(this_thread().id);
    try {
        arm();
    } catch (...) {
        leave();
        throw;
    }
}

void RunSignal::leave() {
    thread_.store(0);
    running.store(outer_);
}

void RunSignal::arm() {
    const std::uint64_t thread = this_thread().serial;
    if (end_ == armed_ && (!end_ || timer_thread_ == thread)) return;
    if (timer_thread_ != thread) {
        delete_timer();
        if (!end_) return;
        if (calls_.timer_create(this_thread().id, run_signal(), &timer_) != 0) {
            fail("make the timer that ends a run (timer_create)", errno);
        }
        timer_thread_ = thread;
    }
    itimerspec when{};
    if (end_) {
        // What is before the clock's beginning has passed as well. 0 s 0 ns would disarm it.
        const auto since =
            std::max<Clock::duration>(end_->time_since_epoch(), std::chrono::nanoseconds(1));
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
        when.it_value.tv_sec = seconds.count();
        when.it_value.tv_nsec = std::chrono::nanoseconds(since - seconds).count();
    }
    if (calls_.timer_settime(timer_, when) != 0) {
        fail("set the timer that ends a run (timer_settime)", errno);
    }
    armed_ = end_;
}

}  // namespace hvlab::kvm
