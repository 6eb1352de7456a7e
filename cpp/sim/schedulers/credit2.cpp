// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/credit2.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"

namespace hvlab::sim {

namespace credit2 {

namespace {

constexpr Duration kCarryover = 500 * kMicrosecond;  // more than kCredit that one may have then
constexpr Duration kShortest = 500 * kMicrosecond;   // of slices
constexpr Duration kMostDebt = Duration{1} << 60;
constexpr Duration kRateTolerance = 50 * kMicrosecond;

}  // namespace

void Credit2::start(Pcpus& host) {
    const Topology& topology = host.topology();
    const int pcpus = topology.pcpus();
    pcpus_of_queue_ = queues_of_ == "core"     ? topology.threads()
                      : queues_of_ == "socket" ? pcpus / (topology.socket(pcpus - 1) + 1)
                                               : pcpus;
    const std::size_t vcpus = host.vcpus().size();
    vcpus_.assign(vcpus, Vcpu{});
    queues_.clear();
    for (PcpuId first = 0; first < pcpus; first += pcpus_of_queue_) {
        Queue& queue = queues_.emplace_back();
        queue.first = first;
        queue.end = first + pcpus_of_queue_;
        queue.waiting = OrderedQueue<Duration>(vcpus);
    }
    waiting_ = 0;
    wanting_of_vm_.assign(host.vms().size(), 0);
    expired_.assign(static_cast<std::size_t>(pcpus), Expired{});
    woken_.clear();
    woken_.reserve(2 * vcpus);
    double most_weight = 0;  // of a vCPU
    for (const VmFacts& vm : host.vms()) {
        most_weight = std::max(most_weight, vm.weight / vm.vcpus);
    }
    costs_.clear();
    for (const VmFacts& vm : host.vms()) costs_.push_back(most_weight / vm.weight);
    std::vector<int> vcpus_of(queues_.size());
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus); ++vcpu) {
        of(vcpu).vm = host.vcpus()[static_cast<std::size_t>(vcpu)].vm;
        of(vcpu).anywhere = host.vms()[static_cast<std::size_t>(of(vcpu).vm)].pcpus.size() ==
                            static_cast<std::size_t>(pcpus);
        of(vcpu).queue = first_queue(host, vcpu, vcpus_of);
        ++vcpus_of[static_cast<std::size_t>(of(vcpu).queue)];
        queue_of(vcpu).load.add(of(vcpu).load.average());
    }
}

void Credit2::burn(const Pcpus& host, VcpuId vcpu) {
    Vcpu& it = of(vcpu);
    const auto ran = static_cast<double>(host.now() - it.burnt);
    it.credit -= std::llround(ran * burn_rate(vcpu));
    it.burnt = host.now();
}

void Credit2::put(VcpuId vcpu) {
    queue_of(vcpu).waiting.insert(-of(vcpu).credit, vcpu);
    of(vcpu).waits = true;
    ++waiting_;
}

void Credit2::take(VcpuId vcpu) {
    queue_of(vcpu).waiting.remove(-of(vcpu).credit, vcpu);
    of(vcpu).waits = false;
    --waiting_;
}

void Credit2::count(const Pcpus& host, VcpuId vcpu, bool wants) {
    Vcpu& it = of(vcpu);
    if (it.wants == wants) return;
    Queue& queue = queue_of(vcpu);
    queue.load.update(queue.wanting, host.now());
    it.load.update(it.wants ? 1 : 0, host.now());
    it.wants = wants;
    const int change = wants ? 1 : -1;
    queue.wanting += change;
    wanting_of_vm_[static_cast<std::size_t>(it.vm)] += change;
}

void Credit2::ready(Pcpus& host, VcpuId vcpu, Wake why) {
    count(host, vcpu, true);
    put(vcpu);
    if (why == Wake::kSliceOver) {
        const PcpuId pcpu = host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu;
        expired_[static_cast<std::size_t>(pcpu)] = {.vcpu = vcpu, .at = host.now()};
    } else {
        woken_.push_back(vcpu);
    }
}

void Credit2::stopped(Pcpus& host, VcpuId vcpu) {
    if (of(vcpu).waits) take(vcpu);
    count(host, vcpu, false);
}

void Credit2::assign(Pcpus& host) {
    give_free(host, false);
    for (const VcpuId vcpu : woken_) tickle(host, vcpu);
    woken_.clear();
    for (Queue& queue : queues_) {
        if (queue.unbalanced) balance(host, queue);
        queue.unbalanced = false;
    }
    if (!woken_.empty()) {  // moved
        give_free(host, false);
        for (const VcpuId vcpu : woken_) tickle(host, vcpu);
        woken_.clear();
    }
    give_free(host, true);
}

void Credit2::give_free(Pcpus& host, bool from_others) {
    PcpuId pcpu = host.free_from(0);
    while (pcpu != kNone && waiting_ > 0) {
        const VcpuId vcpu = from_others ? candidate_of_others(host, pcpu) : candidate(host, pcpu);
        if (vcpu == kNone) {
            pcpu = host.free_from(pcpu + 1);
            continue;
        }
        Queue& queue = queue_at(pcpu);
        if (from_others) move(host, vcpu, static_cast<int>(&queue - queues_.data()));
        const bool goes_on = vcpu == expired(host, pcpu);
        run(host, goes_on ? pcpu : best_free_pcpu(host, vcpu, queue.first, queue.end), vcpu);
        pcpu = host.free_from(pcpu);  // the same, if a better one was found for that vCPU
    }
}

// The vCPU whose slice on this pCPU is over, if it still waits.
VcpuId Credit2::expired(const Pcpus& host, PcpuId pcpu) {
    const Expired& last = expired_[static_cast<std::size_t>(pcpu)];
    return last.at == host.now() && of(last.vcpu).waits ? last.vcpu : kNone;
}

// The richest of the pCPU's queue; but one that ran last on another pCPU only if it is richer by
// the resistance than the one whose slice is over here.
VcpuId Credit2::candidate(const Pcpus& host, PcpuId pcpu) {
    Queue& queue = queue_at(pcpu);
    VcpuId current = expired(host, pcpu);
    if (current != kNone && &queue_of(current) != &queue) current = kNone;
    for (const auto& [debt, vcpu] : queue.waiting) {
        if (current != kNone && -debt <= of(current).credit) break;
        if (!allowed(host, vcpu, pcpu)) continue;
        const bool here = host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu == pcpu;
        if (current == kNone || here || of(current).credit + resistance_ <= -debt) return vcpu;
    }
    return current;
}

// Xen would leave the pCPU idle until the queues are balanced at a reset.
VcpuId Credit2::candidate_of_others(const Pcpus& host, PcpuId pcpu) {
    VcpuId best = kNone;
    std::size_t most = 0;
    for (const Queue& queue : queues_) {
        if (queue.waiting.size() <= most) continue;
        for (const auto& entry : queue.waiting) {
            if (!allowed(host, entry.id, pcpu)) continue;
            best = entry.id;
            most = queue.waiting.size();
            break;
        }
    }
    return best;
}

void Credit2::run(Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    Queue& queue = queue_of(vcpu);
    const bool goes_on = vcpu == expired(host, pcpu);
    take(vcpu);
    Vcpu& it = of(vcpu);
    Duration richest = it.credit;
    if (!queue.waiting.empty()) richest = std::max(richest, -queue.waiting.front().key);
    if (richest <= 0) reset(host, queue, vcpu);
    it.burnt = host.now();
    if (!goes_on) it.started = host.now();
    host.run(pcpu, vcpu, slice(host, vcpu));
}

// Until it is as poor as the next one.
Duration Credit2::slice(const Pcpus& host, VcpuId vcpu) {
    const Vcpu& it = of(vcpu);
    const Queue& queue = queue_of(vcpu);
    const Duration next = queue.waiting.empty() ? 0 : -queue.waiting.front().key;
    const Duration credit = it.credit - std::max<Duration>(next, 0);
    const Duration shortest = std::max(kShortest, it.started + rate_limit_ - host.now());
    const double length = static_cast<double>(credit) / burn_rate(vcpu);
    if (length < static_cast<double>(shortest)) return shortest;
    return std::min(static_cast<Duration>(length), kCredit);
}

void Credit2::reset(const Pcpus& host, Queue& queue, VcpuId next) {
    const Duration gift = kCredit * (1 + -std::min<Duration>(of(next).credit, 0) / kCredit);
    for (VcpuId vcpu = 0; vcpu < static_cast<VcpuId>(vcpus_.size()); ++vcpu) {
        Vcpu& it = of(vcpu);
        if (&queue_of(vcpu) != &queue) continue;
        if (host.vcpus()[static_cast<std::size_t>(vcpu)].state == VcpuState::kRunning) {
            burn(host, vcpu);
        }
        it.credit = std::min(it.credit + gift, kCredit + kCarryover);
    }
    queue.waiting.rekey([this](VcpuId vcpu) { return -of(vcpu).credit; });
    queue.unbalanced = true;
}

// No pCPU is free for a vCPU that woke: it takes the place of a poorer one, best where it ran last.
void Credit2::tickle(Pcpus& host, VcpuId vcpu) {
    if (!of(vcpu).waits) return;
    const Queue& queue = queue_of(vcpu);
    const PcpuId last = host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu;
    PcpuId best = kNone;
    if (last >= queue.first && last < queue.end && score(host, vcpu, last) > 0) {
        best = last;
    } else {
        Duration most = 0;
        for (PcpuId pcpu = queue.first; pcpu < queue.end; ++pcpu) {
            const Duration found = score(host, vcpu, pcpu);
            if (found <= most) continue;
            most = found;
            best = pcpu;
        }
    }
    if (best == kNone) return;
    evict(host, best);
    run(host, best, vcpu);
}

// How much richer it is than the one that runs there.
Duration Credit2::score(const Pcpus& host, VcpuId vcpu, PcpuId pcpu) {
    const VcpuId current = host.running()[static_cast<std::size_t>(pcpu)];
    if (current == kNone || !allowed(host, vcpu, pcpu)) return 0;
    if (rate_limit_ > kRateTolerance &&
        host.now() - of(current).started <= rate_limit_ - kRateTolerance) {
        return 0;
    }
    burn(host, current);
    const bool here = host.vcpus()[static_cast<std::size_t>(vcpu)].pcpu == pcpu;
    return of(vcpu).credit - of(current).credit - (here ? 0 : resistance_);
}

void Credit2::evict(Pcpus& host, PcpuId pcpu) {
    const VcpuId vcpu = host.running()[static_cast<std::size_t>(pcpu)];
    host.preempt(pcpu);
    put(vcpu);
}

void Credit2::save(StateWriter& writer) const {
    writer.begin("credit2", 1);
    for (const Vcpu& vcpu : vcpus_) {
        writer.put(vcpu.credit);
        writer.put(vcpu.burnt);
        writer.put(vcpu.started);
        vcpu.load.save(writer);
        writer.put(vcpu.queue);
        writer.put(vcpu.waits);
        writer.put(vcpu.wants);
    }
    for (const Queue& queue : queues_) {
        writer.put(queue.wanting);
        queue.load.save(writer);
    }
    for (const int wanting : wanting_of_vm_) writer.put(wanting);
}

void Credit2::load(StateReader& reader) {
    reader.begin("credit2", 1);
    const auto vcpus = static_cast<VcpuId>(vcpus_.size());
    for (Queue& queue : queues_) queue.waiting.clear();
    waiting_ = 0;
    for (VcpuId vcpu = 0; vcpu < vcpus; ++vcpu) {
        Vcpu& it = of(vcpu);
        it.credit = reader.get_in(-kMostDebt, kCredit + kCarryover, "credit of a vCPU");
        it.burnt = reader.get_in<Time>(0, kNever, "time of a vCPU's credit");
        it.started = reader.get_in<Time>(0, kNever, "time of a vCPU's start");
        it.load.load(reader);
        it.queue = reader.get_in(0, static_cast<int>(queues_.size()) - 1, "run queue");
        if (reader.get_bool()) put(vcpu);
        it.wants = reader.get_bool();
    }
    for (Queue& queue : queues_) {
        queue.wanting = reader.get_in(0, vcpus, "vCPUs of a run queue");
        queue.load.load(reader);
    }
    for (int& wanting : wanting_of_vm_) wanting = reader.get_in(0, vcpus, "vCPUs of a VM");
}

void Credit2::check(const Pcpus& host) const {
    const auto require = [](bool right) {
        if (!right) throw StateError("credit2: its queues are not those of the vCPUs that wait");
    };
    std::vector<int> of_queue(queues_.size());
    std::vector<int> of_vm(wanting_of_vm_.size());
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) {
        const Vcpu& it = vcpus_[vcpu];
        const VcpuFacts& facts = host.vcpus()[vcpu];
        require(it.waits == (facts.state == VcpuState::kReady) && it.wants == wants_pcpu(facts));
        require(it.burnt <= host.now() && it.started <= host.now());
        const Queue& queue = queues_[static_cast<std::size_t>(it.queue)];
        require(may_run_in(host, static_cast<VcpuId>(vcpu), queue));
        require(facts.state != VcpuState::kRunning ||
                (facts.pcpu >= queue.first && facts.pcpu < queue.end));
        of_queue[static_cast<std::size_t>(it.queue)] += it.wants ? 1 : 0;
        of_vm[static_cast<std::size_t>(it.vm)] += it.wants ? 1 : 0;
    }
    for (std::size_t i = 0; i < queues_.size(); ++i) require(queues_[i].wanting == of_queue[i]);
    require(wanting_of_vm_ == of_vm);
}

}  // namespace credit2

namespace {

constexpr std::array kParameters = {
    Parameter{.name = "runqueue",
              .type = Parameter::Type::kChoice,
              .meaning = "the pCPUs that share a run queue: those of a core, of a socket, or all",
              .preset = "socket",
              .choices = "core|socket|all"},
    Parameter{.name = "ratelimit",
              .type = Parameter::Type::kDuration,
              .meaning = "how long a vCPU runs before another one that wakes may take its place",
              .preset = "1ms",
              .least = 0,
              .most = 500 * kMillisecond},
    Parameter{.name = "migrate_resist",
              .type = Parameter::Type::kDuration,
              .meaning = "the credit that a vCPU must be ahead by to run on another pCPU",
              .preset = "500us",
              .least = 0,
              .most = 10 * kMillisecond},
};

std::unique_ptr<Scheduler> make_credit2(const Values& values) {
    return std::make_unique<credit2::Credit2>(
        values.choice("runqueue"), values.duration("ratelimit"), values.duration("migrate_resist"));
}

}  // namespace

constinit const SchedulerKind kCredit2 = {
    .name = "credit2",
    .meaning =
        "Xen's credit2: running burns credit, the faster the lower the weight; the richest vCPU "
        "of a run queue goes first.",
    .source =
        "Xen, xen/common/sched/credit2.c and docs/misc/xen-command-line; G. Dunlap: Scheduler "
        "development update, Xen Summit Asia 2009",
    .promises = {},
    .parameters = kParameters,
    .make = make_credit2,
};

}  // namespace hvlab::sim
