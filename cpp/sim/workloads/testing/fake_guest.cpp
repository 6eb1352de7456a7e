// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/testing/fake_guest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hvlab::sim {
FakeGuest::FakeGuest(const Workload& workload, int vcpus, std::uint64_t seed, double pcpus)
    : workload_(workload),
      vcpus_(static_cast<std::size_t>(vcpus)),
      memory_((workload.state_size(vcpus) + 7) / 8),
      stream_(seed * 0x9E3779B97F4A7C15),
      pcpus_(pcpus) {
    bytes_ = std::as_writable_bytes(std::span(memory_)).first(workload.state_size(vcpus));
}

void FakeGuest::compute(int vcpu, Duration work) {
    ASSERT_GE(work, 1);
    at(vcpu).state = State::kComputing;
    at(vcpu).left = static_cast<double>(work);
}

void FakeGuest::spin(int vcpu) {
    at(vcpu).state = State::kSpinning;
}

void FakeGuest::idle(int vcpu) {
    at(vcpu).state = State::kIdle;
}

void FakeGuest::preempt(int vcpu, bool preempted) {
    at(vcpu).preempted = preempted;
}

void FakeGuest::set_timer(int vcpu, Time at) {
    ASSERT_GE(at, now_);
    timer(vcpu) = at;
}

void FakeGuest::arrive() {
    arrivals_.push_back(now_);
}

void FakeGuest::respond(Time arrived) {
    ASSERT_LE(arrived, now_);
    latencies_.push_back(now_ - arrived);
}

void FakeGuest::starve() {
    ASSERT_FALSE(starved_);
    starved_ = true;
}

void FakeGuest::feed(const std::vector<Duration>& think, const std::vector<Duration>& work) {
    ASSERT_EQ(think.size(), workload_.wanted(*this));
    starved_ = false;
    workload_.feed(*this, think, work);
}

double FakeGuest::speed() const {
    const auto busy = std::count_if(vcpus_.begin(), vcpus_.end(), [](const Vcpu& vcpu) {
        return vcpu.state != State::kIdle && !vcpu.preempted;
    });
    return std::min(1.0, pcpus_ / static_cast<double>(std::max<std::ptrdiff_t>(busy, 1)));
}

Time FakeGuest::next() const {
    Time next = vm_timer_;
    const double speed = this->speed();
    for (const Vcpu& vcpu : vcpus_) {
        next = std::min(next, vcpu.timer);
        if (vcpu.state != State::kComputing || vcpu.preempted) continue;
        const double left = std::ceil(vcpu.left / speed - 1e-3);
        if (left < 1e18) next = std::min(next, now_ + std::max<Time>(0, static_cast<Time>(left)));
    }
    return next;
}

void FakeGuest::advance(Time to) {
    const Duration passed = to - now_;
    const double done = static_cast<double>(passed) * speed();
    for (Vcpu& vcpu : vcpus_) {
        if (vcpu.state == State::kComputing) computing_ += passed;
        if (vcpu.state == State::kSpinning) spinning_ += passed;
        if (vcpu.state == State::kComputing && !vcpu.preempted) vcpu.left -= done;
    }
    presence_ += passed * static_cast<Duration>(arrivals_.size() - latencies_.size());
    now_ = to;
}

void FakeGuest::handle_one() {
    if (vm_timer_ <= now_) {
        vm_timer_ = kNever;
        return workload_.timer(*this, kVm);
    }
    for (int vcpu = 0; vcpu < vcpus(); ++vcpu) {
        if (at(vcpu).timer <= now_) {
            at(vcpu).timer = kNever;
            return workload_.timer(*this, vcpu);
        }
        if (computes(vcpu) && !at(vcpu).preempted && at(vcpu).left < 1e-2) {
            at(vcpu).state = State::kIdle;
            return workload_.done(*this, vcpu);
        }
    }
}

void FakeGuest::run(Time end) {
    if (!started_) {
        started_ = true;
        workload_.start(*this);
    }
    while (next() <= end && !(starved_ && next() > now_)) {
        advance(next());
        handle_one();
        if (after_event) after_event(*this);
    }
    if (!starved_) advance(end);
}

std::vector<Time> FakeGuest::open_requests() {
    std::vector<Time> open;
    workload_.open_requests(*this, [&](Time arrived) { open.push_back(arrived); });
    return open;
}

double FakeGuest::mean_latency() const {
    return std::accumulate(latencies_.begin(), latencies_.end(), 0.0) /
           static_cast<double>(latencies_.size());
}

void FakeGuest::expect_little() {
    const std::vector<Time> open = open_requests();
    EXPECT_EQ(open.size(), arrivals_.size() - latencies_.size());
    Duration spent = std::accumulate(latencies_.begin(), latencies_.end(), Duration{0});
    for (const Time arrived : open) spent += now_ - arrived;
    EXPECT_EQ(spent, presence_);
}

}  // namespace hvlab::sim
