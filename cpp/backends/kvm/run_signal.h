// SPDX-License-Identifier: GPL-2.0-or-later
//
// How KVM_RUN is left from outside: a signal to the thread that is in it, with
// kvm_run::immediate_exit for the moment before it is.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <optional>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {

// The signal. Its handler is installed once for a process; it marks the vCPU that its thread is
// running, so that a signal which comes just before KVM_RUN ends that KVM_RUN, too.
int run_signal();

// Any thread may kick; all else belongs to the thread that runs the vCPU.
class RunSignal {
public:
    using Clock = std::chrono::steady_clock;

    RunSignal(SystemCalls& calls, kvm_run& run) : calls_(calls), run_(run) {}
    ~RunSignal();
    RunSignal(const RunSignal&) = delete;
    RunSignal& operator=(const RunSignal&) = delete;

    // KVM_RUN in progress returns with EINTR; failing that, the next one.
    void kick();
    // Was there a kick since the last time that this was asked?
    bool take_kick() { return kicked_.exchange(false); }
    bool kicked() const { return kicked_.load(); }

    // KVM_RUN comes back at that time.
    void set_end(std::optional<Clock::time_point> end);
    bool past_end() const { return end_ && Clock::now() >= *end_; }

    // Around a run: which thread it is in. A thread may run one vCPU from within another's handler.
    // Throws BackendError, and has not entered then.
    void enter();
    void leave();
    // Whether the next KVM_RUN does no more than complete what is incomplete. A kick that this
    // overwrites has been noted before: ask kicked() and past_end() after it.
    void set_immediate_exit(bool immediate);

private:
    void arm();
    void delete_timer();

    SystemCalls& calls_;
    kvm_run& run_;
    kvm_run* outer_ = nullptr;  // what this thread was running when it entered
    std::atomic<bool> kicked_{false};
    std::atomic<pid_t> thread_{0};  // 0: nobody runs it
    std::optional<Clock::time_point> end_;
    std::optional<Clock::time_point> armed_;
    timer_t timer_{};
    std::uint64_t timer_thread_ = 0;  // whose timer it is; 0: there is none
};

}  // namespace hvlab::kvm
