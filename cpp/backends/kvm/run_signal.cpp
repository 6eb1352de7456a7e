// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/run_signal.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "backends/kvm/system_calls.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

// What this thread's handler marks; null while it runs no vCPU.
thread_local kvm_run* running = nullptr;

void on_signal(int) {
    // Reads and writes memory only: what a signal handler may do.
    if (kvm_run* const run = running) {
        *static_cast<volatile std::uint8_t*>(&run->immediate_exit) = 1;
    }
}

// Its id; from the first time on the signal gets through to it, whatever mask it was made with.
pid_t this_thread() {
    thread_local const pid_t id = [] {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, run_signal());
        ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
        return static_cast<pid_t>(::syscall(SYS_gettid));
    }();
    return id;
}

}  // namespace

int run_signal() {
    // One that neither the C library nor Python's modules use by default.
    static const int signal = [] {
        const int number = SIGRTMAX - 3;
        struct sigaction action {};
        action.sa_handler = on_signal;
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
    std::atomic_ref<std::uint8_t>(run_.immediate_exit).store(1);
    // A thread that has gone meanwhile is no error: then nothing is in KVM_RUN.
    if (const pid_t thread = thread_.load(); thread != 0) {
        ::syscall(SYS_tgkill, ::getpid(), thread, run_signal());
    }
}

void RunSignal::set_end(std::optional<Clock::time_point> end) {
    end_ = end;
    if (thread_.load(std::memory_order_relaxed) != 0) arm();
}

void RunSignal::enter() {
    run_signal();
    running = &run_;
    thread_.store(this_thread());
    arm();
}

void RunSignal::leave() {
    thread_.store(0);
    running = nullptr;
}

void RunSignal::arm() {
    if (end_ == armed_ && (!end_ || timer_thread_ == this_thread())) return;
    if (timer_thread_ != this_thread()) {
        delete_timer();
        if (!end_) return;
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = run_signal();
        event._sigev_un._tid = this_thread();
        if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
            fail("make the timer that ends a run (timer_create)", errno);
        }
        timer_thread_ = this_thread();
    }
    itimerspec when{};
    if (end_) {
        const auto since = end_->time_since_epoch();
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
        when.it_value.tv_sec = seconds.count();
        // 0 s 0 ns would disarm it.
        when.it_value.tv_nsec = std::max<long>(std::chrono::nanoseconds(since - seconds).count(), 1);
    }
    if (::timer_settime(timer_, TIMER_ABSTIME, &when, nullptr) != 0) {
        fail("set the timer that ends a run (timer_settime)", errno);
    }
    armed_ = end_;
}

}  // namespace hvlab::kvm
