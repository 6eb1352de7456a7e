// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/eevdf.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/base/status.h"
#include "sim/schedulers/free_pcpu.h"
#include "sim/schedulers/registry.h"

namespace hvlab::sim {

namespace eevdf {

namespace {

// Of this much that is still left, no time on a pCPU takes all.
constexpr Virtual kLateTime = Virtual{1} << 62;

}  // namespace

void Eevdf::start(Pcpus& host) {
    queues_.resize(host.running().size());
    for (PcpuId pcpu = 0; pcpu < host.topology().pcpus(); ++pcpu) {
        nodes_.push_back(host.topology().node(pcpu));
    }
    means_.resize(queues_.size());
    loads_.resize(queues_.size());
    vcpus_.resize(host.vcpus().size());
    wanting_.resize(host.vms().size());
    double most = 0;
    for (const VmFacts& vm : host.vms()) most = std::max(most, vm.weight);
    for (const VmFacts& vm : host.vms()) weights_.push_back(weight_of(vm.weight, most));
    woken_.reserve(vcpus_.size());
    changed_.reserve(vcpus_.size());
    if (settings_.balance > 0 && queues_.size() > 1) host.set_timer(settings_.balance);
}

Weight Eevdf::weight(const Pcpus& host, VcpuId vcpu) const {
    const VmId vm = host.vcpus()[at(vcpu)].vm;
    const int wanting = wanting_[at(vm)];
    return wanting > 1 ? std::max<Weight>(1, weights_[at(vm)] / wanting) : weights_[at(vm)];
}

void Eevdf::charge(Pcpus& host, VcpuId vcpu, Duration /*ran*/) {
    update(host, vcpus_[at(vcpu)].queue);
}

void Eevdf::update(const Pcpus& host, PcpuId pcpu) {
    Queue& queue = queues_[at(pcpu)];
    const Duration ran = host.now() - std::exchange(queue.counted, host.now());
    if (ran == 0 || !queue.busy()) return;
    queue.current.time += virtual_time(ran, queue.current.weight);
    if (queue.current.time > kLateTime) queue.restart_time();
    if (queue.current.time >= queue.current.deadline) renew(host, queue.current);
}

// Its siblings may have woken or gone to sleep since: Linux, too, learns of that only now and then.
void Eevdf::renew(const Pcpus& host, Entry& entry) const {
    entry.weight = weight(host, entry.vcpu);
    entry.deadline = entry.time + virtual_time(settings_.slice, entry.weight);
}

void Eevdf::ready(Pcpus& host, VcpuId vcpu, Wake why) {
    if (why == Wake::kSliceOver) {
        put_back(vcpus_[at(vcpu)].queue);
        return;
    }
    ++wanting_[at(host.vcpus()[at(vcpu)].vm)];
    woken_.push_back(vcpu);
}

// It keeps what it is owed, or owes, up to two slices.
void Eevdf::stopped(Pcpus& host, VcpuId vcpu) {
    --wanting_[at(host.vcpus()[at(vcpu)].vm)];
    Vcpu& own = vcpus_[at(vcpu)];
    if (!std::exchange(own.placed, false)) {
        std::erase(woken_, vcpu);
        return;
    }
    Queue& queue = queues_[at(own.queue)];
    update(host, own.queue);
    const Virtual mean = queue.mean();
    Entry entry;
    if (queue.current.vcpu == vcpu) {
        entry = std::exchange(queue.current, Entry{});
    } else {
        entry = queue.take(vcpu);
        --waiting_;
    }
    const Virtual most = virtual_time(2 * settings_.slice, entry.weight);
    own.lag = std::clamp(mean - entry.time, -most, most);
}

void Eevdf::assign(Pcpus& host) {
    if (!woken_.empty()) place_woken(host);
    for (PcpuId pcpu = host.free_from(0); pcpu != kNone; pcpu = host.free_from(pcpu + 1)) {
        if (!queues_[at(pcpu)].ready.empty()) run_first(host, pcpu);
    }
    for (const PcpuId pcpu : changed_) reconsider(host, pcpu);
    changed_.clear();
    if (waiting_ == 0) return;
    for (PcpuId pcpu = host.free_from(0); pcpu != kNone; pcpu = host.free_from(pcpu + 1)) {
        if (steal(host, pcpu)) run_first(host, pcpu);
    }
}

void Eevdf::place_woken(Pcpus& host) {
    for (const VcpuId vcpu : woken_) {
        const PcpuId idle = best_free_pcpu_if(
            host, vcpu, [&](PcpuId pcpu) { return queues_[at(pcpu)].ready.empty(); });
        const PcpuId pcpu = idle != kNone ? idle : queue_for(host, vcpu);
        enqueue(host, pcpu, vcpu);
        if (idle != kNone) {
            run_first(host, pcpu);
        } else if (queues_[at(pcpu)].busy()) {
            changed_.push_back(pcpu);
        }
    }
    woken_.clear();
}

// Where it was last; at first, where there is least.
PcpuId Eevdf::queue_for(const Pcpus& host, VcpuId vcpu) const {
    const PcpuId last = vcpus_[at(vcpu)].queue;
    if (last != kNone) return last;
    PcpuId best = kNone;
    Weight least = 0;
    for (const PcpuId pcpu : host.vms()[at(host.vcpus()[at(vcpu)].vm)].pcpus) {
        const Weight load = queues_[at(pcpu)].load();
        if (best != kNone && load >= least) continue;
        best = pcpu;
        least = load;
    }
    return best;
}

// With the lag that it left with. Its coming moves the mean: what it has to be away from the mean
// of the others to be that far from the mean of all is more (place_entity in fair.c).
void Eevdf::enqueue(const Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    Queue& queue = queues_[at(pcpu)];
    update(host, pcpu);
    Vcpu& own = vcpus_[at(vcpu)];
    Entry entry{
        .vcpu = vcpu, .weight = weight(host, vcpu), .time = clock_ - own.lag, .deadline = 0};
    if (queue.size() > 0) {
        const Weight load = queue.load();
        entry.time = queue.mean() - scaled(own.lag, load + entry.weight, load);
    }
    entry.deadline = entry.time + virtual_time(settings_.slice, entry.weight);
    queue.add(entry);
    own.queue = pcpu;
    own.placed = true;
    ++waiting_;
}

void Eevdf::run_first(Pcpus& host, PcpuId pcpu) {
    const Entry* first = queues_[at(pcpu)].first(false);
    HVLAB_ASSERT(first != nullptr);
    run(host, pcpu, first->vcpu);
}

void Eevdf::run(Pcpus& host, PcpuId pcpu, VcpuId vcpu) {
    Queue& queue = queues_[at(pcpu)];
    queue.current = queue.take(vcpu);
    queue.counted = host.now();
    --waiting_;
    host.run(pcpu, vcpu, slice(queue));
}

// One that is alone has no use for a slice's end.
Duration Eevdf::slice(const Queue& queue) const {
    if (queue.ready.empty()) return kNever;
    const Entry& current = queue.current;
    return std::max(kMicrosecond, real_time(current.deadline - current.time, current.weight));
}

// Others have joined the one that runs.
void Eevdf::reconsider(Pcpus& host, PcpuId pcpu) {
    Queue& queue = queues_[at(pcpu)];
    if (!queue.busy() || queue.ready.empty()) return;
    const Virtual deadline = queue.current.deadline;
    update(host, pcpu);
    const bool had_its_slice = queue.current.deadline != deadline;
    if (settings_.preempt || had_its_slice) {
        const Entry* first = queue.first(true);
        if (first != &queue.current) {
            const VcpuId next = first->vcpu;
            host.preempt(pcpu);
            put_back(pcpu);
            run(host, pcpu, next);
            return;
        }
    }
    host.extend(pcpu, slice(queue));
}

void Eevdf::put_back(PcpuId pcpu) {
    Queue& queue = queues_[at(pcpu)];
    queue.add(std::exchange(queue.current, Entry{}));
    ++waiting_;
}

void Eevdf::timer(Pcpus& host) {
    balance(host);
    host.set_timer(host.now() + settings_.balance);
}

void Eevdf::save(StateWriter& writer) const {
    writer.begin("eevdf", 1);
    writer.put(clock_);
    for (const Queue& queue : queues_) queue.save(writer);
    for (const Vcpu& vcpu : vcpus_) {
        writer.put(vcpu.lag);
        writer.put(vcpu.queue);
        writer.put(vcpu.placed);
    }
    for (const int wanting : wanting_) writer.put(wanting);
    writer.put(static_cast<std::uint32_t>(woken_.size()));
    for (const VcpuId vcpu : woken_) writer.put(vcpu);
}

void Eevdf::load(StateReader& reader) {
    reader.begin("eevdf", 1);
    const auto last_vcpu = static_cast<VcpuId>(vcpus_.size()) - 1;
    clock_ = reader.get_in(-Queue::kEarliest, Queue::kLatest, "virtual time of a host");
    waiting_ = 0;
    for (Queue& queue : queues_) {
        queue.load_state(reader, last_vcpu);
        waiting_ += static_cast<int>(queue.ready.size());
    }
    for (Vcpu& vcpu : vcpus_) {
        vcpu.lag = reader.get_in(-Queue::kEarliest, Queue::kEarliest, "lag of a vCPU");
        vcpu.queue = reader.get_in(kNone, static_cast<PcpuId>(queues_.size()) - 1, "queue");
        vcpu.placed = reader.get_bool();
    }
    for (int& wanting : wanting_) wanting = reader.get_in(0, last_vcpu + 1, "vCPUs of a VM");
    woken_.resize(reader.get_in<std::uint32_t>(0, static_cast<std::uint32_t>(vcpus_.size()),
                                               "number of vCPUs that woke"));
    for (VcpuId& vcpu : woken_) vcpu = reader.get_in(0, last_vcpu, "vCPU that woke");
    changed_.clear();
}

void Eevdf::check(const Pcpus& host) const {
    const auto require = [](bool right) {
        if (!right)
            throw StateError("eevdf: its queues are not those of the vCPUs that want to run");
    };
    std::vector<VcpuState> found(vcpus_.size(), VcpuState::kIdle);
    const auto check_entry = [&](const Entry& entry, std::size_t queue, VcpuState state) {
        require(found[at(entry.vcpu)] == VcpuState::kIdle);
        found[at(entry.vcpu)] = state;
        require(at(vcpus_[at(entry.vcpu)].queue) == queue && vcpus_[at(entry.vcpu)].placed);
    };
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const Queue& queue = queues_[i];
        require(queue.current.vcpu == host.running()[i] && queue.counted <= host.now());
        if (queue.busy()) check_entry(queue.current, i, VcpuState::kRunning);
        for (const Entry& entry : queue.ready) check_entry(entry, i, VcpuState::kReady);
    }
    std::vector<int> wanting(wanting_.size());
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) {
        const VcpuFacts& facts = host.vcpus()[vcpu];
        require(wants_pcpu(facts) == vcpus_[vcpu].placed);
        require(found[vcpu] == (wants_pcpu(facts) ? facts.state : VcpuState::kIdle));
        wanting[at(facts.vm)] += wants_pcpu(facts) ? 1 : 0;
    }
    require(wanting == wanting_ && woken_.empty());
}

}  // namespace eevdf

namespace {

constexpr std::array kParameters = {
    Parameter{.name = "slice",
              .type = Parameter::Type::kDuration,
              .meaning = "the service that a deadline is set for (Linux: base_slice_ns)",
              .preset = "3ms",
              .least = kMicrosecond,
              .most = kSecond},
    Parameter{.name = "balance",
              .type = Parameter::Type::kDuration,
              .meaning = "how often vCPUs are moved to pCPUs that are ahead; 0s: never",
              .preset = "10ms",
              .least = 0,
              .most = 10 * kSecond},
    Parameter{.name = "preempt",
              .type = Parameter::Type::kFlag,
              .meaning =
                  "whether a vCPU that wakes with an earlier deadline takes the pCPU at once "
                  "(Linux: NO_RUN_TO_PARITY)",
              .preset = "true"},
};

std::unique_ptr<Scheduler> make_eevdf(const Values& values) {
    return std::make_unique<eevdf::Eevdf>(eevdf::Settings{
        .slice = values.duration("slice"),
        .balance = values.duration("balance"),
        .preempt = values.flag("preempt"),
    });
}

}  // namespace

constinit const SchedulerKind kEevdf = {
    .name = "eevdf",
    .meaning = "Fair shares by virtual deadlines, a queue for each pCPU: KVM on Linux 6.6.",
    .source =
        "Stoica, Abdel-Wahab: Earliest Eligible Virtual Deadline First, Old Dominion "
        "University TR-95-22, 1995; Linux 6.6, kernel/sched/fair.c",
    .promises = {.work_conserving = true, .weights = true},
    .parameters = kParameters,
    .make = make_eevdf,
};

}  // namespace hvlab::sim
