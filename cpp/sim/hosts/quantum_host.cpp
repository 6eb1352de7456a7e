// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/quantum_host.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"
#include "sim/hosts/errors.h"
#include "sim/hosts/ledger_state.h"

namespace hvlab::sim {

namespace {

// More than any host does at one instant, unless it is caught in a loop.
constexpr std::uint64_t kMostEventsAtOnce = 1'000'000;
constexpr std::uint64_t kMostRoundsAtOnce = 1'000;

std::size_t vcpus_of(std::span<const HostedVm> vms) {
    std::size_t sum = 0;
    for (const HostedVm& vm : vms) sum += static_cast<std::size_t>(vm.group->vcpus);
    return sum;
}

}  // namespace

QuantumHost::QuantumHost(const HostGroup& group, std::vector<HostedVm> vms, QuantumPolicy policy,
                         std::uint64_t stream_key, const HostOptions& options)
    : vms_(std::move(vms)),
      options_(options),
      scheduler_(std::move(policy.scheduler)),
      policy_name_(std::move(policy.name)),
      slots_(vms_.size(), vcpus_of(vms_), static_cast<std::size_t>(group.pcpus())),
      agenda_(slots_),
      dispatcher_(group, vms_,
                  {.name = policy_name_,
                   .scheduler = scheduler_.get(),
                   .work_conserving = policy.work_conserving},
                  stream_key, agenda_, slots_),
      guest_(vms_, options, dispatcher_, agenda_, slots_) {
    HVLAB_ASSERT(group.accounting_period > 0 && options.resolution >= 0 && options.warmup >= 0);
    agenda_.set(QuantumSlots::kStart, 0);
    agenda_.set(QuantumSlots::kAccounting, group.accounting_period);
    if (options.warmup > 0) agenda_.set(QuantumSlots::kWarmup, options.warmup);
    if (options.resolution > 0 && options.recorder != nullptr) {
        agenda_.set(QuantumSlots::kSample, options.resolution);
        for (const HostedVm& vm : vms_) {
            const auto known = std::ranges::find(samples_, vm.group_number, &GroupSums::group);
            if (known == samples_.end()) samples_.push_back({.group = vm.group_number, .sums = {}});
        }
    }
    scheduler_->start(dispatcher_);
}

Advanced QuantumHost::advance(Time end, Outbox& outbox) {
    thread_ = outbox.thread();
    guest_.set_thread(thread_);
    Advanced result;
    while (next() < end && !result.starved) result.starved = !instant(result.events);
    return result;
}

// All events of one time, then the scheduler once; again if that made more of them.
bool QuantumHost::instant(std::uint64_t& events) {
    const Time now = next();
    dispatcher_.set_now(now);
    std::uint64_t at_once = 0;
    std::uint64_t rounds = 0;
    do {
        while (agenda_.next() == now) {
            const Agenda::Slot slot = agenda_.top();
            agenda_.clear(slot);
            handle(slot);
            if (++at_once > kMostEventsAtOnce) too_many_events(slot);
        }
        unfinished_ = !guest_.starving().empty();
        if (unfinished_) break;
        dispatcher_.assign();
        dispatcher_.flush();
        if (++rounds > kMostRoundsAtOnce) {
            too_many_events(slots_.scheduler_timer);
        }
    } while (agenda_.next() == now);
    events += at_once;
    events_ += static_cast<std::int64_t>(at_once);
    return !unfinished_;
}

void QuantumHost::handle(Agenda::Slot slot) {
    if (slot >= QuantumSlots::kPcpus && slot < slots_.limits) {
        pcpu_stop(static_cast<PcpuId>(slot - QuantumSlots::kPcpus));
    } else if (slot == slots_.scheduler_timer) {
        dispatcher_.run_timer();
    } else if (slot >= slots_.vm_timers) {
        guest_.vm_timer(static_cast<VmId>(slot - slots_.vm_timers));
    } else if (slot >= slots_.vcpu_timers) {
        guest_.vcpu_timer(static_cast<VcpuId>(slot - slots_.vcpu_timers));
    } else if (slot >= slots_.limits) {
        dispatcher_.limit_used_up(static_cast<VmId>(slot - slots_.limits));
    } else if (slot == QuantumSlots::kAccounting) {
        agenda_.set(slot, dispatcher_.now() + dispatcher_.accounting_period());
        dispatcher_.account();
    } else if (slot == QuantumSlots::kSample) {
        agenda_.set(slot, dispatcher_.now() + options_.resolution);
        sample();
    } else if (slot == QuantumSlots::kWarmup) {
        reset_ledgers();
    } else {
        for (std::size_t vm = 0; vm < vms_.size(); ++vm) guest_.start(static_cast<VmId>(vm));
    }
}

void QuantumHost::pcpu_stop(PcpuId pcpu) {
    if (const VcpuId vcpu = dispatcher_.work_done(pcpu); vcpu != kNone) guest_.done(vcpu);
    dispatcher_.end_turn(pcpu);
}

void QuantumHost::sample() {
    const std::int64_t index = dispatcher_.now() / options_.resolution - 1;
    for (GroupSums& last : samples_) {
        const VmLedger sums = group_sums(last.group, dispatcher_.now());
        options_.recorder->sample(thread_, last.group, index, difference(sums, last.sums));
        last.sums = sums;
    }
}

// The series goes on over it: what was counted since the last sample is kept as a debt.
void QuantumHost::reset_ledgers() {
    for (GroupSums& last : samples_)
        last.sums = difference(last.sums, group_sums(last.group, dispatcher_.now()));
    dispatcher_.reset_ledgers();
    guest_.reset_ledgers();
    events_ = 0;
}

VmLedger QuantumHost::open_sample(std::uint32_t group, Time now) const {
    const VmLedger sums = group_sums(group, now);
    const auto known = std::ranges::find(samples_, group, &GroupSums::group);
    return known == samples_.end() ? sums : difference(sums, known->sums);
}

std::optional<VcpuAccount> QuantumHost::vcpu_account(std::size_t vm, int vcpu, Time now) const {
    const VcpuId id = dispatcher_.vms()[vm].first + vcpu;
    const VcpuFacts& facts = dispatcher_.vcpus()[static_cast<std::size_t>(id)];
    const bool running = facts.state == VcpuState::kRunning;
    const bool idle = facts.state == VcpuState::kIdle;
    const Duration more = now - facts.since;
    return VcpuAccount{facts.ran + (running ? more : 0),
                       facts.progress + (running || idle ? more : 0), idle};
}

VmLedger QuantumHost::group_sums(std::uint32_t group, Time now) const {
    VmLedger sums;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        if (vms_[vm].group_number == group) add(sums, vm_ledger(vm, now));
    }
    return sums;
}

VmLedger QuantumHost::vm_ledger(std::size_t vm, Time now) const {
    VmLedger ledger = dispatcher_.ledger(static_cast<VmId>(vm), now);
    guest_.add_presence(static_cast<VmId>(vm), now, ledger);
    return ledger;
}

HostLedger QuantumHost::host_ledger(Time now) const {
    HostLedger ledger = dispatcher_.host_ledger(now);
    ledger.events = events_;
    return ledger;
}

void QuantumHost::open_requests(std::size_t vm, const std::function<void(Time)>& visit) {
    guest_.open_requests(static_cast<VmId>(vm), visit);
}

// Nothing sends to hosts yet.
void QuantumHost::receive(const Message& /*message*/) {
    HVLAB_ASSERT(false);
}

// Times that are set to the present again and again; `slot`: the last of them.
void QuantumHost::too_many_events(Agenda::Slot slot) const {
    const std::string what = "sets a timer to the present again and again, at " +
                             std::to_string(dispatcher_.now()) + " ns";
    if (slot >= slots_.scheduler_timer) throw PolicyError(policy_name_, what);
    VmId vm = 0;
    if (slot >= slots_.vm_timers) {
        vm = static_cast<VmId>(slot - slots_.vm_timers);
    } else if (slot >= slots_.vcpu_timers) {
        vm = dispatcher_.vcpus()[slot - slots_.vcpu_timers].vm;
    }
    throw WorkloadError(guest_.name(vm), what);
}

void QuantumHost::save(StateWriter& writer) const {
    writer.begin("quantum host", 1);
    writer.put(static_cast<std::uint64_t>(slots_.count));
    for (Agenda::Slot slot = 0; slot < slots_.count; ++slot) writer.put(agenda_.time(slot));
    writer.put(events_);
    writer.put(unfinished_);
    for (const GroupSums& last : samples_) save_ledger(writer, last.sums);
    dispatcher_.save(writer);
    guest_.save(writer);
    scheduler_->save(writer);
}

void QuantumHost::load(StateReader& reader) {
    reader.begin("quantum host", 1);
    if (reader.get<std::uint64_t>() != slots_.count) {
        throw StateError("a host of other pCPUs or VMs was saved");
    }
    for (Agenda::Slot slot = 0; slot < slots_.count; ++slot) {
        agenda_.set(slot, reader.get_in<Time>(0, kNever, "time in an agenda"));
    }
    events_ = reader.get_in<std::int64_t>(0, kNever / 2, "number of events");
    unfinished_ = reader.get_bool();
    for (GroupSums& last : samples_) load_difference(reader, last.sums);
    dispatcher_.load(reader);
    const LedgerBounds bounds(dispatcher_.now(), static_cast<std::int64_t>(vcpus_of(vms_)));
    for (const GroupSums& last : samples_) check_difference(last.sums, bounds);
    check_agenda();
    guest_.load(reader, agenda_.time(QuantumSlots::kStart) == kNever);
    scheduler_->load(reader);
    scheduler_->check(dispatcher_);
}

// Those of the host's own times that are not the dispatcher's.
void QuantumHost::check_agenda() const {
    const auto require = [](bool right) {
        if (!right) throw StateError("the times of a host are not consistent");
    };
    const Time now = dispatcher_.now();
    const auto next = [now](Duration period) { return (now / period + 1) * period; };
    require(!unfinished_ && agenda_.next() >= now);
    const Time start = agenda_.time(QuantumSlots::kStart);
    require(start == kNever || (start == 0 && now == 0));
    require(agenda_.time(QuantumSlots::kAccounting) == next(dispatcher_.accounting_period()));
    require(agenda_.time(QuantumSlots::kWarmup) ==
            (now < options_.warmup ? options_.warmup : kNever));
    require(agenda_.time(QuantumSlots::kSample) ==
            (samples_.empty() ? kNever : next(options_.resolution)));
}

}  // namespace hvlab::sim
