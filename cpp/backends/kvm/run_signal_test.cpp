// SPDX-License-Identifier: GPL-2.0-or-later
//
// Kicks and ends without a KVM_RUN: what marks kvm_run, in which thread, and when.
#include "backends/kvm/run_signal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

using namespace std::chrono_literals;
using Clock = RunSignal::Clock;

class RunSignals : public testing::Test {
protected:
    // Until the handler has marked that run; the test's own timeout ends a wait in vain.
    static void await_mark(kvm_run& run) {
        while (std::atomic_ref(run.immediate_exit).load() == 0) ::usleep(100);
    }

    kvm_run run_{};
    RunSignal signal_{SystemCalls::host(), run_};
};

TEST_F(RunSignals, AKickStaysUntilItIsTaken) {
    signal_.kick();
    signal_.kick();
    EXPECT_EQ(run_.immediate_exit, 1);
    signal_.enter();
    signal_.set_immediate_exit(false);
    EXPECT_TRUE(signal_.kicked());
    signal_.leave();
    EXPECT_TRUE(signal_.kicked());
    EXPECT_TRUE(signal_.take_kick());
    EXPECT_FALSE(signal_.take_kick());
}

TEST_F(RunSignals, AForkedProcessEndsItsOwnRuns) {
    signal_.enter();  // this thread is known from now on
    signal_.leave();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        kvm_run run{};
        RunSignal signal(SystemCalls::host(), run);
        signal.enter();
        signal.set_end(Clock::now() + 1ms);
        await_mark(run);
        signal.leave();
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(RunSignals, AKickSignalsTheThreadThatRuns) {
    std::atomic<bool> entered{false}, done{false};
    std::thread runner([&] {
        signal_.enter();
        entered = true;
        while (!done) ::usleep(100);
        signal_.leave();
    });
    while (!entered) ::usleep(100);
    signal_.kick();
    await_mark(run_);
    EXPECT_TRUE(signal_.take_kick());
    done = true;
    runner.join();
    signal_.kick();  // a thread that is gone is no error
    EXPECT_TRUE(signal_.take_kick());
}

TEST_F(RunSignals, TheEndMarksTheRun) {
    signal_.set_end(Clock::now() + 1ms);
    signal_.enter();
    await_mark(run_);
    EXPECT_TRUE(signal_.past_end());
    signal_.leave();
}

TEST_F(RunSignals, TheEndMayBeSetWithinARun) {
    signal_.enter();
    EXPECT_FALSE(signal_.past_end());
    signal_.set_end(Clock::now() + 1h);
    EXPECT_FALSE(signal_.past_end());
    signal_.set_end(Clock::now());
    await_mark(run_);
    signal_.leave();
}

TEST_F(RunSignals, AnEndBeforeTheClocksBeginningHasPassed) {
    signal_.set_end(Clock::time_point::min());
    signal_.enter();
    await_mark(run_);
    EXPECT_TRUE(signal_.past_end());
    signal_.leave();
}

TEST_F(RunSignals, TheEndFollowsTheRunIntoAnotherThread) {
    // Threads come and go: the number of one that has gone may be that of the next.
    for (int i = 0; i < 20; ++i) {
        run_.immediate_exit = 0;
        std::thread([&] {
            signal_.set_end(Clock::now() + 1h);
            signal_.enter();
            signal_.leave();
        }).join();
        std::thread([&] {
            signal_.set_end(Clock::now() + 200us);
            signal_.enter();
            await_mark(run_);
            signal_.leave();
        }).join();
    }
}

TEST_F(RunSignals, ARunWithinAnotherGivesTheThreadBack) {
    kvm_run inner_run{};
    RunSignal inner(SystemCalls::host(), inner_run);
    signal_.enter();
    inner.enter();
    ::raise(run_signal());
    EXPECT_EQ(inner_run.immediate_exit, 1);
    EXPECT_EQ(run_.immediate_exit, 0);
    inner.leave();
    inner_run.immediate_exit = 0;
    ::raise(run_signal());
    EXPECT_EQ(inner_run.immediate_exit, 0);
    EXPECT_EQ(run_.immediate_exit, 1);
    signal_.leave();
    run_.immediate_exit = 0;
    ::raise(run_signal());
    EXPECT_EQ(run_.immediate_exit, 0) << "nothing is running";
}

TEST_F(RunSignals, AThreadThatBlocksTheSignalGetsItNevertheless) {
    std::thread([&] {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        signal_.set_end(Clock::now());
        signal_.enter();
        await_mark(run_);
        signal_.leave();
    }).join();
}

// A timer that cannot be made or set: the run has not begun.
class NoTimers : public SystemCalls {
public:
    bool makes = false;
    int timer_create(pid_t thread, int signal, timer_t* timer) override {
        if (makes) return SystemCalls::timer_create(thread, signal, timer);
        errno = EAGAIN;
        return -1;
    }
    int timer_settime(timer_t, const itimerspec&) override {
        errno = EINVAL;
        return -1;
    }
};

TEST_F(RunSignals, WithoutATimerNoRunBegins) {
    NoTimers calls;
    for (const bool makes : {false, true}) {
        calls.makes = makes;
        kvm_run run{};
        {
            RunSignal signal(calls, run);
            signal.set_end(Clock::now() + 1h);
            try {
                signal.enter();
                ADD_FAILURE() << "not told";
            } catch (const BackendError& error) {
                EXPECT_EQ(error.error_number(), makes ? EINVAL : EAGAIN);
            }
        }
        ::raise(run_signal());
        EXPECT_EQ(run.immediate_exit, 0) << "this thread runs nothing";
    }
}

TEST_F(RunSignals, SignalsThatComeTooLateDoNotInterruptOtherCalls) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::atomic<pthread_t> reader{};
    std::atomic<bool> ready{false};
    std::thread thread([&] {
        run_signal();
        reader = ::pthread_self();
        ready = true;
        char byte = 0;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    });
    while (!ready) ::usleep(100);
    for (int i = 0; i < 50; ++i) {
        ::pthread_kill(reader, run_signal());
        ::usleep(50);
    }
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    thread.join();
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
}  // namespace hvlab::kvm
