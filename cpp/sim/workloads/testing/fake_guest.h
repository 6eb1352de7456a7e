// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

// A VM on a machine of its own, for tests of workloads: time jumps from event to event, and each
// vCPU has a pCPU for itself, or an even share of `pcpus` where more of them are busy than that.
// Which vCPUs have a pCPU at all may be said with `preempt`.
class FakeGuest final : public Guest {
public:
    FakeGuest(const Workload& workload, int vcpus, std::uint64_t seed = 1,
              double pcpus = std::numeric_limits<double>::infinity());

    // Starts the workload at the first call; handles all events up to and including `end`, at
    // which it stands then. Returns early if the workload starves.
    void run(Time end);

    // A vCPU that is preempted makes no progress.
    void preempt(int vcpu, bool preempted);
    // Called after each event.
    std::function<void(FakeGuest&)> after_event;

    Time now() const override { return now_; }
    int vcpus() const override { return static_cast<int>(vcpus_.size()); }
    Stream& stream() override { return stream_; }
    void compute(int vcpu, Duration work) override;
    void spin(int vcpu) override;
    void idle(int vcpu) override;
    void set_timer(int vcpu, Time at) override;
    void arrive() override;
    void respond(Time arrived) override;
    void starve() override;

    const Workload& workload() const { return workload_; }
    bool computes(int vcpu) const { return at(vcpu).state == State::kComputing; }
    bool spins(int vcpu) const { return at(vcpu).state == State::kSpinning; }
    bool idles(int vcpu) const { return at(vcpu).state == State::kIdle; }
    bool starved() const { return starved_; }
    // Gives the workload what it wants.
    void feed(const std::vector<Duration>& think, const std::vector<Duration>& work);

    // Times of `computing` and `spinning` are summed over the vCPUs, whether with a pCPU or not.
    Duration computing() const { return computing_; }
    Duration spinning() const { return spinning_; }
    const std::vector<Time>& arrivals() const { return arrivals_; }
    const std::vector<Duration>& latencies() const { return latencies_; }
    Duration presence() const { return presence_; }
    std::vector<Time> open_requests();
    // Of the responses so far, in nanoseconds.
    double mean_latency() const;

    // Little's law with its edges: the integral of the number of requests in the VM is the time
    // that those who left spent there and those who are there have spent.
    void expect_little();

private:
    enum class State : std::uint8_t { kIdle, kComputing, kSpinning };
    struct Vcpu {
        State state = State::kIdle;
        bool preempted = false;
        double left = 0;  // work
        Time timer = kNever;
    };

    const Vcpu& at(int vcpu) const { return vcpus_.at(static_cast<std::size_t>(vcpu)); }
    Vcpu& at(int vcpu) { return vcpus_.at(static_cast<std::size_t>(vcpu)); }
    Time& timer(int vcpu) { return vcpu == kVm ? vm_timer_ : at(vcpu).timer; }
    double speed() const;
    Time next() const;
    void advance(Time to);
    void handle_one();

    const Workload& workload_;
    std::vector<Vcpu> vcpus_;
    std::vector<std::uint64_t> memory_;
    Stream stream_;
    double pcpus_;
    Time now_ = 0;
    Time vm_timer_ = kNever;
    bool started_ = false;
    bool starved_ = false;

    std::vector<Time> arrivals_;
    std::vector<Duration> latencies_;
    Duration presence_ = 0;
    Duration computing_ = 0;
    Duration spinning_ = 0;
};

}  // namespace hvlab::sim
