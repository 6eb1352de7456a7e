// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/guest_clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/status.h"

namespace hvlab {
namespace {

// One nanosecond a retired instruction, and the time before power-on and in HLT, which jumps to
// what is due next.
class CountedClock final : public GuestClock {
public:
    CountedClock(InstructionCounter& counter, const Timeline& timeline, Nanoseconds start)
        : counter_(counter), timeline_(timeline), idle_(start) {}

    Nanoseconds now() const override {
        return static_cast<Nanoseconds>(counter_.retired()) + idle_;
    }

    void deadline_changed() override {
        if (!in_slice_) return;
        const std::uint64_t end =
            counter_.retired() + span_until(timeline_.next_deadline().value_or(now()));
        if (end < slice_end_) {
            slice_end_ = end;
            counter_.set_budget_end(end);
        }
    }

    std::optional<std::uint64_t> instructions() const override { return counter_.retired(); }

    void resume() override {}
    void pause() override {}

    Budget begin_slice(const Limits& limits) override {
        slice_begin_ = counter_.retired();
        Budget budget{.instructions = std::min(until_poll_, limits.slice)};
        const auto limit = [&budget](std::uint64_t count) {
            budget.instructions = std::min(budget.instructions, count);
        };
        if (limits.until) limit(span_until(*limits.until));
        if (limits.instructions) limit(*limits.instructions - slice_begin_);
        slice_end_ = slice_begin_ + budget.instructions;
        in_slice_ = true;
        return budget;
    }

    void end_slice() override {
        in_slice_ = false;
        until_poll_ -= std::min(until_poll_, counter_.retired() - slice_begin_);
        --rounds_until_poll_;
    }

    void idle_until(Nanoseconds when) override { idle_ += std::max<Nanoseconds>(when - now(), 0); }
    void wake() override {}  // waiting takes no time

    bool poll_due() override {
        if (until_poll_ > 0 && rounds_until_poll_ > 0) return false;
        until_poll_ = kPollInstructions;
        rounds_until_poll_ = kPollRounds;
        return true;
    }
    void poll_soon() override { until_poll_ = 0; }

    std::uint64_t stamp() const override { return static_cast<std::uint64_t>(now()); }
    Nanoseconds time_of(std::uint64_t stamp) const override {
        return static_cast<Nanoseconds>(stamp);
    }

    void set(Nanoseconds now, std::uint64_t instructions) override {
        counter_.set_retired(instructions);
        idle_ = now - static_cast<Nanoseconds>(instructions);
    }

private:
    // Between two polls: about 3 ms of translated code, 30 ms at worst (nothing but memory-mapped
    // accesses).
    static constexpr std::uint64_t kPollInstructions = 1'000'000;
    // A guest that halts most of the time uses few instructions: its rounds are counted too.
    static constexpr unsigned kPollRounds = 1024;

    std::uint64_t span_until(Nanoseconds when) const {
        return static_cast<std::uint64_t>(std::max<Nanoseconds>(when - now(), 0));
    }

    InstructionCounter& counter_;
    const Timeline& timeline_;
    Nanoseconds idle_;
    bool in_slice_ = false;
    std::uint64_t slice_begin_ = 0;
    std::uint64_t slice_end_ = 0;
    std::uint64_t until_poll_ = 0;  // instructions
    unsigned rounds_until_poll_ = 0;
};

// The host's monotonic clock, which stands still while the machine does not run.
class HostClock final : public GuestClock {
public:
    HostClock(HostTimer& timer, const Timeline& timeline, Nanoseconds start)
        : timer_(timer), timeline_(timeline), elapsed_(start) {}

    Nanoseconds now() const override {
        if (!running_) return elapsed_;
        return elapsed_ + span(Clock::now() - resumed_);
    }

    void deadline_changed() override {
        if (!in_slice_) return;
        if (const auto next = timeline_.next_deadline()) end_by(host_time(*next));
    }

    std::optional<std::uint64_t> instructions() const override { return std::nullopt; }

    void resume() override {
        resumed_ = Clock::now();
        first_stamp_ = stamp();
        running_ = true;
        before_ = elapsed_;
    }
    void pause() override {
        elapsed_ = now();
        last_stamp_ = stamp();
        running_ = false;
    }

    Budget begin_slice(const Limits& limits) override {
        const Clock::time_point before = std::exchange(slice_end_, next_poll_);
        if (limits.until) slice_end_ = std::min(slice_end_, host_time(*limits.until));
        // Setting it costs a system call.
        if (slice_end_ != before || !timer_set_) timer_.set_end(slice_end_);
        timer_set_ = true;
        in_slice_ = true;
        return {};
    }
    void end_slice() override { in_slice_ = false; }

    void idle_until(Nanoseconds when) override {
        std::unique_lock lock(mutex_);
        woken_.wait_until(lock, std::min(host_time(when), next_poll_), [this] { return wake_; });
        wake_ = false;
    }
    void wake() override {
        {
            const std::lock_guard lock(mutex_);
            wake_ = true;
        }
        woken_.notify_one();
    }

    bool poll_due() override {
        const Clock::time_point now = Clock::now();
        if (now < next_poll_) return false;
        next_poll_ = now + kPollPeriod;
        return true;
    }
    void poll_soon() override {}  // it is asked by the host's time anyway

    // The processor's counter, which is a third of the price of the clock.
    std::uint64_t stamp() const override { return __builtin_ia32_rdtsc(); }
    // Between the two ends of the last run, which were taken by both.
    Nanoseconds time_of(std::uint64_t stamp) const override {
        const double length = static_cast<double>(last_stamp_ - first_stamp_);
        if (stamp <= first_stamp_ || length <= 0) return before_;
        const double part = std::min(static_cast<double>(stamp - first_stamp_) / length, 1.0);
        return before_ + static_cast<Nanoseconds>(part * static_cast<double>(elapsed_ - before_));
    }

    void set(Nanoseconds now, std::uint64_t) override {
        elapsed_ = now;
        resumed_ = Clock::now();
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kPollPeriod{20};

    static Nanoseconds span(Clock::duration duration) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    }
    Clock::time_point host_time(Nanoseconds guest) const {
        constexpr Nanoseconds kFarAway = 3600 * kSecond;  // a poll comes long before
        return resumed_ + std::chrono::nanoseconds(std::min(guest - elapsed_, kFarAway));
    }
    void end_by(Clock::time_point end) {
        if (end >= slice_end_) return;
        slice_end_ = end;
        timer_.set_end(end);
    }

    HostTimer& timer_;
    const Timeline& timeline_;
    Nanoseconds elapsed_;  // when the machine was last resumed
    Clock::time_point resumed_{};
    Nanoseconds before_ = 0;  // guest time at first_stamp_
    std::uint64_t first_stamp_ = 0;
    std::uint64_t last_stamp_ = 0;
    bool running_ = false;
    bool in_slice_ = false;
    bool timer_set_ = false;
    Clock::time_point slice_end_{};
    Clock::time_point next_poll_{};
    std::mutex mutex_;
    std::condition_variable woken_;
    bool wake_ = false;
};

}  // namespace

std::unique_ptr<GuestClock> GuestClock::of(Vcpu& vcpu, const Timeline& timeline, Nanoseconds start,
                                           std::string_view backend) {
    if (auto* counter = vcpu.capability<InstructionCounter>()) {
        return std::make_unique<CountedClock>(*counter, timeline, start);
    }
    if (auto* timer = vcpu.capability<HostTimer>()) {
        return std::make_unique<HostClock>(*timer, timeline, start);
    }
    throw BackendError(std::string(backend), "create a machine", 0,
                       "its vCPUs neither count instructions nor end at a time");
}

}  // namespace hvlab
