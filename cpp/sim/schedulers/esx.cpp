// SPDX-License-Identifier: GPL-2.0-or-later
//
// After VMware: The CPU Scheduler in VMware vSphere 5.1 (2013). The VM that has had least in
// proportion to its shares goes first; a vCPU that gets too far ahead of a sibling is co-stopped.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"
#include "sim/schedulers/vm_queue.h"

namespace hvlab::sim {

namespace {

struct EsxParameters {
    Duration quantum;
    Duration skew;
    Duration costart;
    Duration check;
    Duration rate_limit;
};

class Esx final : public Scheduler {
public:
    explicit Esx(const EsxParameters& parameters) : is_(parameters) {}

    void start(Pcpus& host) override;
    void charge(Pcpus& host, VcpuId vcpu, Duration ran) override { queue_.charge(host, vcpu, ran); }
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override;
    void stopped(Pcpus& host, VcpuId vcpu) override;
    void assign(Pcpus& host) override;
    void timer(Pcpus& /*host*/) override { armed_ = kNever; }
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;
    void check(const Pcpus& host) const override { queue_.check(host); }

private:
    static Duration progress(const VcpuFacts& is, Time now);
    void check_skew(Pcpus& host, VmId vm);
    bool watched(VmId vm) const;
    void give_free(Pcpus& host);
    void serve_pressing(Pcpus& host);
    void preempt_for(Pcpus& host, VcpuId woken);
    VcpuId pick(const Pcpus& host, VmId vm) const;
    void run(Pcpus& host, PcpuId pcpu, VcpuId vcpu);
    void evict(Pcpus& host, PcpuId pcpu);
    void arm(Pcpus& host);

    EsxParameters is_;
    VmQueue queue_;
    std::vector<VmId> wide_;     // VMs of several vCPUs
    std::vector<VcpuId> woken_;  // or let go on, in this instant
    std::vector<VmId> changed_;  // VMs of several vCPUs, in this instant
    Time next_check_ = 0;        // of all skews
    Time armed_ = kNever;
};

void Esx::start(Pcpus& host) {
    queue_.start(host, is_.quantum);
    wide_.clear();
    for (VmId vm = 0; vm < static_cast<VmId>(host.vms().size()); ++vm) {
        if (facts(host, vm).vcpus > 1) wide_.push_back(vm);
    }
    woken_.clear();
    woken_.reserve(2 * host.vcpus().size());
    changed_.clear();
    changed_.reserve(4 * host.vcpus().size());
    next_check_ = is_.check;
    armed_ = kNever;
}

void Esx::ready(Pcpus& host, VcpuId vcpu, Wake why) {
    queue_.ready(host, vcpu, why);
    if (why != Wake::kSliceOver) woken_.push_back(vcpu);
    const VmId vm = vm_of(host, vcpu);
    if (facts(host, vm).vcpus > 1) changed_.push_back(vm);
}

void Esx::stopped(Pcpus& host, VcpuId vcpu) {
    if (queue_.is_aside(vcpu)) host.hold(vcpu, false);
    queue_.stopped(host, vcpu);
    const VmId vm = vm_of(host, vcpu);
    if (facts(host, vm).vcpus > 1) changed_.push_back(vm);
}

void Esx::assign(Pcpus& host) {
    queue_.begin_instant(host);
    if (host.now() >= next_check_) {
        for (const VmId vm : wide_) {
            if (watched(vm)) check_skew(host, vm);
        }
        next_check_ = (host.now() / is_.check + 1) * is_.check;
    } else {
        for (const VmId vm : changed_) check_skew(host, vm);
    }
    changed_.clear();
    give_free(host);
    serve_pressing(host);
    for (const VcpuId vcpu : woken_) preempt_for(host, vcpu);
    woken_.clear();
    give_free(host);  // those that had to go may run where those that came may not
    queue_.end_instant();
    arm(host);
}

// Time on a pCPU and time without anything to do is progress; waiting is not.
Duration Esx::progress(const VcpuFacts& is, Time now) {
    const bool goes_on = is.state == VcpuState::kRunning || is.state == VcpuState::kIdle;
    return is.progress + (goes_on ? now - is.since : 0);
}

// A vCPU of it may get ahead of another one.
bool Esx::watched(VmId vm) const {
    return queue_.wanting(vm) > 1 && queue_.wanting(vm) > queue_.running(vm);
}

// Stops those that are ahead of the slowest that wants to run, and lets those go on that it caught
// up with. The slowest itself is never stopped.
void Esx::check_skew(Pcpus& host, VmId vm) {
    const VcpuId first = facts(host, vm).first;
    const VcpuId end = first + facts(host, vm).vcpus;
    const auto vcpus = host.vcpus();
    const Time now = host.now();
    Duration slowest = std::numeric_limits<Duration>::max();
    for (VcpuId vcpu = first; vcpu < end; ++vcpu) {
        if (!queue_.wants(vcpu)) continue;
        slowest = std::min(slowest, progress(vcpus[static_cast<std::size_t>(vcpu)], now));
    }
    for (VcpuId vcpu = first; vcpu < end; ++vcpu) {
        if (!queue_.wants(vcpu)) continue;
        const Duration skew = progress(vcpus[static_cast<std::size_t>(vcpu)], now) - slowest;
        if (queue_.is_aside(vcpu)) {
            if (skew > is_.costart) continue;
            queue_.set_back(vcpu);
            host.hold(vcpu, false);
            woken_.push_back(vcpu);
        } else if (skew > is_.skew) {
            if (!queue_.waits(vcpu)) evict(host, vcpus[static_cast<std::size_t>(vcpu)].pcpu);
            queue_.set_aside(vcpu);
            host.hold(vcpu, true);
        }
    }
}

void Esx::give_free(Pcpus& host) {
    PcpuId pcpu = host.free_from(0);
    while (pcpu != kNone) {
        const VmId vm = queue_.next(host, pcpu, false);
        if (vm == kNone) {
            pcpu = host.free_from(pcpu + 1);
            continue;
        }
        const VcpuId vcpu = pick(host, vm);
        run(host, best_free_pcpu(host, vcpu), vcpu);
        pcpu = host.free_from(pcpu);  // the same, if a better one was found for that vCPU
    }
}

void Esx::serve_pressing(Pcpus& host) {
    while (true) {
        const VmId vm = queue_.most_pressing(host);
        if (vm == kNone) return;
        const PcpuId pcpu = queue_.victim(host, vm, 0, false);
        if (pcpu == kNone) return;
        evict(host, pcpu);
        run(host, pcpu, pick(host, vm));
    }
}

void Esx::preempt_for(Pcpus& host, VcpuId woken) {
    if (!queue_.waits(woken)) return;
    const VmId vm = vm_of(host, woken);
    const PcpuId pcpu = queue_.victim(host, vm, is_.rate_limit, true);
    if (pcpu == kNone) return;
    evict(host, pcpu);
    run(host, pcpu, pick(host, vm));
}

// The slowest of its vCPUs that wait. It is not too far ahead: that was looked at when it began to
// wait, and who waits gets no further ahead.
VcpuId Esx::pick(const Pcpus& host, VmId vm) const {
    VcpuId best = kNone;
    Duration least = 0;
    const VmFacts& is = facts(host, vm);
    if (is.vcpus == 1) return is.first;
    const auto vcpus = host.vcpus();
    const Time now = host.now();
    for (VcpuId vcpu = is.first; vcpu < is.first + is.vcpus; ++vcpu) {
        if (!queue_.waits(vcpu)) continue;
        const Duration found = progress(vcpus[static_cast<std::size_t>(vcpu)], now);
        if (best != kNone && found >= least) continue;
        best = vcpu;
        least = found;
    }
    return best;
}

void Esx::run(Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    const Duration slice = queue_.slice(host, vm_of(host, vcpu));
    queue_.put_on(host, vcpu);
    host.run(pcpu, vcpu, slice);
}

void Esx::evict(Pcpus& host, PcpuId pcpu) {
    const VcpuId vcpu = host.running()[static_cast<std::size_t>(pcpu)];
    host.preempt(pcpu);
    queue_.taken_off(host, vcpu);
}

void Esx::arm(Pcpus& host) {
    Time next = queue_.next_check(host);
    if (std::ranges::any_of(wide_, [this](VmId vm) { return watched(vm); })) {
        next = std::min(next, next_check_);
    }
    if (next == armed_) return;
    armed_ = next;
    host.set_timer(next);
}

void Esx::save(StateWriter& writer) const {
    writer.begin("esx", 1);
    queue_.save(writer);
    writer.put(next_check_);
    writer.put(armed_);
}

void Esx::load(StateReader& reader) {
    reader.begin("esx", 1);
    queue_.load(reader);
    next_check_ = reader.get_in<Time>(0, kNever, "time of a check");
    armed_ = reader.get_in<Time>(0, kNever, "time of a timer");
}

constexpr std::array kParameters = {
    Parameter{.name = "quantum",
              .type = Parameter::Type::kDuration,
              .meaning = "how long a vCPU runs before the next is chosen",
              .preset = "50ms",
              .least = 100 * kMicrosecond,
              .most = 10 * kSecond},
    Parameter{.name = "skew",
              .type = Parameter::Type::kDuration,
              .meaning = "a vCPU further ahead of its slowest sibling that wants to run is "
                         "co-stopped",
              .preset = "3ms",
              .least = kMicrosecond,
              .most = 10 * kSecond},
    Parameter{.name = "costart",
              .type = Parameter::Type::kDuration,
              .meaning = "a co-stopped vCPU goes on when it is ahead no further than that",
              .preset = "2ms",
              .least = 0,
              .most = 10 * kSecond},
    Parameter{.name = "check",
              .type = Parameter::Type::kDuration,
              .meaning = "how often the skew is looked at",
              .preset = "1ms",
              .least = 10 * kMicrosecond,
              .most = kSecond},
    Parameter{.name = "ratelimit",
              .type = Parameter::Type::kDuration,
              .meaning = "how long a vCPU runs before another one that wakes may take its place",
              .preset = "1ms",
              .least = 0,
              .most = 500 * kMillisecond},
};

std::unique_ptr<Scheduler> make_esx(const Values& values) {
    const EsxParameters parameters = {.quantum = values.duration("quantum"),
                                      .skew = values.duration("skew"),
                                      .costart = values.duration("costart"),
                                      .check = values.duration("check"),
                                      .rate_limit = values.duration("ratelimit")};
    if (parameters.costart > parameters.skew) {
        throw ConfigError("costart", "is more than skew: a vCPU would go on before it stops");
    }
    return std::make_unique<Esx>(parameters);
}

}  // namespace

constinit const SchedulerKind kEsx = {
    .name = "esx",
    .meaning =
        "ESX-style proportional share with relaxed co-scheduling: the VM that had least of its "
        "entitlement goes first, and a vCPU too far ahead of its siblings waits for them.",
    .source = "VMware: The CPU Scheduler in VMware vSphere 5.1, technical white paper, 2013",
    .promises = {.work_conserving = true,
                 .weights = true,
                 .reservations = true,
                 .coscheduling = true},
    .parameters = kParameters,
    .make = make_esx,
};

}  // namespace hvlab::sim
