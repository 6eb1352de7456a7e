// SPDX-License-Identifier: GPL-2.0-or-later
//
// After what Microsoft tells of Hyper-V's classic and core schedulers: fair shares in turns, by
// weight and reserve, near the processor that a vCPU ran on last; under the core scheduler the
// threads of a core run vCPUs of one VM at a time.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"
#include "sim/schedulers/vm_queue.h"

namespace hvlab::sim {

namespace {

class Hyperv final : public Scheduler {
public:
    Hyperv(bool by_core, Duration quantum) : by_core_(by_core), quantum_(quantum) {}

    void start(Pcpus& host) override;
    void charge(Pcpus& host, VcpuId vcpu, Duration ran) override { queue_.charge(host, vcpu, ran); }
    void ready(Pcpus& host, VcpuId vcpu, Wake why) override { queue_.ready(host, vcpu, why); }
    void stopped(Pcpus& host, VcpuId vcpu) override { queue_.stopped(host, vcpu); }
    void assign(Pcpus& host) override;
    void timer(Pcpus& /*host*/) override { armed_ = kNever; }
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;
    void check(const Pcpus& host) const override { queue_.check(host); }

private:
    // Of a core's turn: with less left, a thread that gets free stays so.
    static constexpr Duration kShortest = 100 * kMicrosecond;

    static std::size_t index(int id) { return static_cast<std::size_t>(id); }
    Time& turn_end(const Pcpus& host, PcpuId pcpu) {
        return turn_end_[index(host.topology().core(pcpu))];
    }

    VmId next(const Pcpus& host, PcpuId pcpu);
    PcpuId place(const Pcpus& host, VcpuId vcpu, PcpuId offered) const;
    static VmId owner(const Pcpus& host, PcpuId pcpu);
    void run(Pcpus& host, PcpuId pcpu, VcpuId vcpu);
    void evict(Pcpus& host, PcpuId pcpu);
    void evict_others(Pcpus& host, PcpuId pcpu, VmId vm);
    void give_free(Pcpus& host);
    void serve_pressing(Pcpus& host);

    bool by_core_;
    Duration quantum_;
    VmQueue queue_;
    std::vector<PcpuId> ideal_;   // of each vCPU
    std::vector<Time> turn_end_;  // of each core, under the core scheduler
    Time armed_ = kNever;
};

void Hyperv::start(Pcpus& host) {
    queue_.start(host, quantum_);
    turn_end_.assign(index(host.topology().cores()), 0);
    armed_ = kNever;
    // Those of a VM side by side, all pCPUs alike, and where there is a choice near their memory.
    ideal_.assign(host.vcpus().size(), kNone);
    std::vector<int> vcpus_of(index(host.topology().pcpus()));
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(ideal_.size()); ++vcpu) {
        const VmFacts& vm = host.vms()[index(vm_of(host, vcpu))];
        ideal_[index(vcpu)] = *std::ranges::min_element(vm.pcpus, {}, [&](PcpuId pcpu) {
            return std::pair(vcpus_of[index(pcpu)], host.topology().node(pcpu) != vm.home);
        });
        ++vcpus_of[index(ideal_[index(vcpu)])];
    }
}

void Hyperv::assign(Pcpus& host) {
    queue_.begin_instant(host);
    give_free(host);
    serve_pressing(host);
    queue_.end_instant();
    const Time next = queue_.next_check(host);
    if (next == armed_) return;
    armed_ = next;
    host.set_timer(next);
}

void Hyperv::give_free(Pcpus& host) {
    PcpuId pcpu = queue_.empty() ? kNone : host.free_from(0);
    while (pcpu != kNone) {
        const VmId vm = next(host, pcpu);
        if (vm == kNone) {
            pcpu = host.free_from(pcpu + 1);
            continue;
        }
        const VcpuId vcpu = queue_.turn(host, vm, pcpu);
        run(host, place(host, vcpu, pcpu), vcpu);
        pcpu = host.free_from(pcpu);
    }
}

// Those below their reserve do not wait for their turn.
void Hyperv::serve_pressing(Pcpus& host) {
    while (true) {
        const VmId vm = queue_.most_pressing(host);
        if (vm == kNone) return;
        const PcpuId pcpu = queue_.victim(host, vm, 0, false);
        if (pcpu == kNone) return;
        if (by_core_) {
            evict_others(host, pcpu, vm);
        } else {
            evict(host, pcpu);
        }
        run(host, pcpu, queue_.turn(host, vm, pcpu));
        give_free(host);
    }
}

VmId Hyperv::next(const Pcpus& host, PcpuId pcpu) {
    const VmId vm = by_core_ ? owner(host, pcpu) : kNone;
    if (vm == kNone) return queue_.next(host, pcpu, true);
    const bool time_left = turn_end(host, pcpu) - host.now() >= kShortest;
    const bool may = host.allowed(host.vms()[index(vm)].first, pcpu);
    return time_left && may && queue_.waiting(vm) > 0 ? vm : kNone;
}

// The VM that runs on the pCPU's core.
VmId Hyperv::owner(const Pcpus& host, PcpuId pcpu) {
    const int threads = host.topology().threads();
    const PcpuId first = pcpu - pcpu % threads;
    for (PcpuId sibling = first; sibling < first + threads; ++sibling) {
        const VcpuId vcpu = host.running()[index(sibling)];
        if (vcpu != kNone) return vm_of(host, vcpu);
    }
    return kNone;
}

// On the offered pCPU, or on a better one that is free, too.
PcpuId Hyperv::place(const Pcpus& host, VcpuId vcpu, PcpuId offered) const {
    const PcpuId last = host.vcpus()[index(vcpu)].pcpu;
    const PcpuId wish = last == kNone ? ideal_[index(vcpu)] : last;
    if (wish == offered) return offered;
    const bool free = host.free_from(wish) == wish;
    if (by_core_) {
        const VmId other = owner(host, wish);
        return free && other == kNone ? wish : offered;
    }
    return free && siblings_free(host, wish) ? wish : best_free_pcpu(host, vcpu);
}

void Hyperv::run(Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    Duration slice = queue_.slice(host, vm_of(host, vcpu));
    if (by_core_) {
        Time& end = turn_end(host, pcpu);
        if (owner(host, pcpu) == kNone) end = host.now() + slice;
        slice = std::max(end - host.now(), kShortest);
    }
    queue_.put_on(host, vcpu);
    host.run(pcpu, vcpu, slice);
}

void Hyperv::evict(Pcpus& host, PcpuId pcpu) {
    const VcpuId vcpu = host.running()[index(pcpu)];
    host.preempt(pcpu);
    queue_.taken_off(host, vcpu);
}

void Hyperv::evict_others(Pcpus& host, PcpuId pcpu, VmId vm) {
    const int threads = host.topology().threads();
    const PcpuId first = pcpu - pcpu % threads;
    for (PcpuId sibling = first; sibling < first + threads; ++sibling) {
        const VcpuId vcpu = host.running()[index(sibling)];
        if (vcpu != kNone && vm_of(host, vcpu) != vm) evict(host, sibling);
    }
}

void Hyperv::save(StateWriter& writer) const {
    writer.begin("hyperv", 1);
    queue_.save(writer);
    for (const Time end : turn_end_) writer.put(end);
    writer.put(armed_);
}

void Hyperv::load(StateReader& reader) {
    reader.begin("hyperv", 1);
    queue_.load(reader);
    for (Time& end : turn_end_) end = reader.get_in<Time>(0, kNever, "end of a turn");
    armed_ = reader.get_in<Time>(0, kNever, "time of a timer");
}

constexpr std::array kParameters = {
    Parameter{.name = "type",
              .type = Parameter::Type::kChoice,
              .meaning = "core: the threads of a core run vCPUs of one VM at a time",
              .preset = "classic",
              .choices = "classic|core"},
    Parameter{.name = "quantum",
              .type = Parameter::Type::kDuration,
              .meaning = "how long a turn is",
              .preset = "10ms",
              .least = 200 * kMicrosecond,
              .most = 10 * kSecond},
};

constexpr Promises kClassic = {.work_conserving = true, .weights = true, .reservations = true};

std::unique_ptr<Scheduler> make_hyperv(const Values& values) {
    return std::make_unique<Hyperv>(values.choice("type") == "core", values.duration("quantum"));
}

Promises promises_of_hyperv(const Values& values) {
    Promises promises = kClassic;
    // A thread stays free rather than run another VM beside the one on its core.
    if (values.choice("type") == "core") promises.work_conserving = false;
    return promises;
}

}  // namespace

constinit const SchedulerKind kHyperv = {
    .name = "hyperv",
    .meaning =
        "Hyper-V's classic or core scheduler: turns by relative weight, reserves first, caps by "
        "the host.",
    .source =
        "Microsoft: Managing Hyper-V hypervisor scheduler types; Hyper-V Top Level Functional "
        "Specification, virtual processor controls (reserve, cap, weight)",
    .promises = kClassic,
    .parameters = kParameters,
    .make = make_hyperv,
    .promises_with = promises_of_hyperv,
};

}  // namespace hvlab::sim
