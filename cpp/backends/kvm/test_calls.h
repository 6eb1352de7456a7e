// SPDX-License-Identifier: GPL-2.0-or-later
//
// System calls for tests: some fail, some are answered here. For tests only.
#pragma once

#include <cerrno>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {

// Counts every call and makes the n-th fail, or all from the n-th on, before the kernel sees it.
class FaultyCalls : public SystemCalls {
public:
    struct Fault {
        unsigned at = 0;  // 0: none
        int error = 0;
        bool for_ever = false;
    };

    FaultyCalls() = default;
    explicit FaultyCalls(const Fault& fault) : fault_(fault) {}

    unsigned count() const { return count_; }
    // What the first call that failed was.
    const std::string& failed() const { return failed_; }
    // Nobody can be told of a failure now; and whether the first one was then.
    bool untold = false;
    bool failed_untold() const { return failed_untold_; }

    int open(const char* path, int flags) override {
        return fails("open") ? -1 : SystemCalls::open(path, flags);
    }
    int ioctl(int fd, unsigned long request, void* argument) override {
        return fails("ioctl " + std::to_string(request & 0xFF)) ? -1 : pass(fd, request, argument);
    }
    void* mmap(std::size_t size, int fd, long offset) override {
        return fails("mmap") ? reinterpret_cast<void*>(-1) : SystemCalls::mmap(size, fd, offset);
    }
    int timer_create(pid_t thread, int signal, timer_t* timer) override {
        return fails("timer_create") ? -1 : SystemCalls::timer_create(thread, signal, timer);
    }
    int timer_settime(timer_t timer, const itimerspec& when) override {
        return fails("timer_settime") ? -1 : SystemCalls::timer_settime(timer, when);
    }

private:
    int pass(int fd, unsigned long request, void* argument) {
        return SystemCalls::ioctl(fd, request, argument);
    }
    bool fails(const std::string& what) {
        ++count_;
        if (fault_.at == 0 || count_ < fault_.at || (count_ > fault_.at && !fault_.for_ever)) {
            return false;
        }
        if (failed_.empty()) {
            failed_ = what;
            failed_untold_ = untold;
        }
        errno = fault_.error;
        return true;
    }

    Fault fault_;
    unsigned count_ = 0;
    std::string failed_;
    bool failed_untold_ = false;
};

// The kernel, but for the requests that a test answers.
class ScriptedCalls : public SystemCalls {
public:
    using Answer = std::function<int(void* argument)>;  // -errno for a failure

    // The next calls of that request, one each; then the kernel again.
    void script(unsigned long request, std::deque<Answer> answers) {
        request_ = request;
        answers_ = std::move(answers);
    }
    // All calls of that request, for ever.
    void answer(unsigned long request, Answer answer) {
        request_ = request;
        always_ = std::move(answer);
    }
    bool done() const { return answers_.empty(); }
    unsigned calls() const { return calls_; }  // of that request
    // What the first mapping of a vCPU is.
    kvm_run& run() const { return *run_; }

    int ioctl(int fd, unsigned long request, void* argument) override {
        if (request != request_) return SystemCalls::ioctl(fd, request, argument);
        ++calls_;
        if (answers_.empty() && !always_) return SystemCalls::ioctl(fd, request, argument);
        Answer answer = always_;
        if (!answers_.empty()) {
            answer = std::move(answers_.front());
            answers_.pop_front();
        }
        const int result = answer(argument);
        if (result >= 0) return result;
        errno = -result;
        return -1;
    }
    void* mmap(std::size_t size, int fd, long offset) override {
        void* const area = SystemCalls::mmap(size, fd, offset);
        if (offset == 0) run_ = static_cast<kvm_run*>(area);
        return area;
    }

private:
    unsigned long request_ = 0;
    std::deque<Answer> answers_;
    Answer always_;
    unsigned calls_ = 0;
    kvm_run* run_ = nullptr;
};

}  // namespace hvlab::kvm
