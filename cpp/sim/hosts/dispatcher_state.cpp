// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checkpoints.
#include <algorithm>
#include <limits>

#include "sim/hosts/dispatcher.h"
#include "sim/hosts/ledger_state.h"

namespace hvlab::sim {

namespace {

constexpr std::uint32_t kVersion = 1;

template <typename Enum>
Enum get_enum(StateReader& reader, Enum last, std::string_view what) {
    return static_cast<Enum>(reader.get_in<std::uint8_t>(0, static_cast<std::uint8_t>(last), what));
}

void require(bool right, const char* what) {
    if (!right) throw StateError(what);
}

Work most_work(Duration time) {
    Work work = 0;
    return __builtin_mul_overflow(time, kWorkPerNanosecond, &work)
               ? std::numeric_limits<Work>::max()
               : work;
}

}  // namespace

void Dispatcher::save(StateWriter& writer) const {
    writer.begin("dispatcher", kVersion);
    writer.put(now_);
    writer.put(began_);
    writer.put(stream_.drawn());
    save_ledger(writer, host_);
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        const VcpuFacts& facts = vcpus_[i];
        writer.put(facts.state);
        writer.put(facts.pcpu);
        writer.put(facts.since);
        writer.put(facts.ran);
        writer.put(facts.progress);
        const Vcpu& own = own_vcpus_[i];
        writer.put(own.left);
        writer.put(own.ahead);
        writer.put(own.counted);
        writer.put(own.charged);
        writer.put(own.activity);
        writer.put(own.held);
    }
    for (const Pcpu& own : pcpus_) {
        writer.put(own.slice_end);
        writer.put(own.overhead);
        writer.put(own.busy_from);
        writer.put(own.last);
        writer.put(own.speed);
    }
    for (const Vm& own : own_vms_) {
        save_ledger(writer, own.ledger);
        writer.put(own.lost);
        own.limit.save(writer);
    }
}

void Dispatcher::load(StateReader& reader) {
    reader.begin("dispatcher", kVersion);
    now_ = reader.get_in<Time>(0, kNever - 1, "time of a host");
    began_ = reader.get_in<Time>(0, now_, "begin of the ledgers");
    stream_ = Stream(stream_.key(), reader.get<std::uint64_t>());
    load_ledger(reader, host_, LedgerBounds(now_, topology_.pcpus()));
    const PcpuId last_pcpu = topology_.pcpus() - 1;
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        VcpuFacts& facts = vcpus_[i];
        facts.state = get_enum(reader, VcpuState::kThrottled, "state of a vCPU");
        facts.pcpu = reader.get_in(kNone, last_pcpu, "pCPU of a vCPU");
        facts.since = reader.get_in<Time>(0, now_, "time of a vCPU's state");
        facts.ran = reader.get_in<Duration>(0, now_, "run time of a vCPU");
        facts.progress = reader.get_in<Duration>(0, now_, "progress of a vCPU");
        Vcpu& own = own_vcpus_[i];
        own.left = reader.get_in<Work>(0, kMostWork * kWorkPerNanosecond, "work of a vCPU");
        own.ahead = reader.get_in<Work>(0, kWorkPerNanosecond, "work of a vCPU");
        own.counted = reader.get_in<Time>(0, now_, "time of a vCPU");
        own.charged = reader.get_in<Time>(0, now_, "time of a vCPU");
        own.activity = get_enum(reader, Activity::kSpin, "activity of a vCPU");
        own.held = reader.get_bool();
    }
    for (Pcpu& own : pcpus_) {
        own.slice_end = reader.get_in<Time>(0, kNever, "end of a slice");
        own.overhead = reader.get_in<Duration>(
            0, context_switch_ + std::max(migration_, remote_migration_), "costs of a pCPU");
        own.busy_from = reader.get_in<Time>(0, now_, "time of a pCPU");
        own.last = reader.get_in(kNone, static_cast<VcpuId>(vcpus_.size()) - 1, "vCPU of a pCPU");
        own.speed = reader.get_in(1, static_cast<int>(kWorkPerNanosecond), "speed of a pCPU");
    }
    place_loaded();
    for (std::size_t vm = 0; vm < own_vms_.size(); ++vm) load_vm(reader, vm);
    for (std::size_t vcpu = 0; vcpu < vcpus_.size(); ++vcpu) check_vcpu(vcpu);
    for (const PcpuId pcpu : all_pcpus_) check_stop(pcpu);
}

void Dispatcher::load_vm(StateReader& reader, std::size_t vm) {
    const VmFacts& facts = vms_[vm];
    Vm& own = own_vms_[vm];
    const LedgerBounds bounds(now_, facts.vcpus);
    load_ledger(reader, own.ledger, bounds);
    own.lost = reader.get_in<Work>(0, most_work(bounds.time), "work that a VM lost");
    const auto vcpus = std::span(vcpus_).subspan(at(facts.first), at(facts.vcpus));
    const auto running = std::ranges::count(vcpus, VcpuState::kRunning, &VcpuFacts::state);
    own.limit.load(reader, now_, static_cast<int>(running));
    const Time used_up = own.limit.limited() ? own.limit.used_up() : kNever;
    require(agenda_.time(slots_.limits + static_cast<Agenda::Slot>(vm)) == used_up,
            "the end of a VM's limit is not when it is used up");
}

void Dispatcher::check_vcpu(std::size_t vcpu) const {
    const VcpuFacts& facts = vcpus_[vcpu];
    const bool idle = facts.state == VcpuState::kIdle;
    require(idle == (own_vcpus_[vcpu].activity == Activity::kIdle),
            "a vCPU is idle and has work, or neither");
    if (!idle) {
        require(own_vms_[at(facts.vm)].limit.throttled() == (facts.state == VcpuState::kThrottled),
                "a vCPU is throttled without its VM, or the other way round");
    }
    require(facts.pcpu == kNone || allowed(static_cast<VcpuId>(vcpu), facts.pcpu),
            "a vCPU ran where it may not");
}

// The time at which the pCPU stops is what `flush` would set.
void Dispatcher::check_stop(PcpuId pcpu) const {
    const Pcpu& own = pcpus_[at(pcpu)];
    Time stop = kNever;
    if (const VcpuId vcpu = running_[at(pcpu)]; vcpu != kNone) {
        const Vcpu& occupant = own_vcpus_[at(vcpu)];
        stop = own.slice_end;
        if (occupant.activity == Activity::kCompute) {
            const Duration left = own.overhead + time_for(occupant.left, own.speed);
            stop = std::min(stop, after(occupant.counted, left));
        }
    }
    require(agenda_.time(stop_slot(pcpu)) == stop, "a pCPU stops at a wrong time");
}

// Which vCPU is where, from the vCPUs' side.
void Dispatcher::place_loaded() {
    for (const PcpuId pcpu : all_pcpus_) {
        running_[at(pcpu)] = kNone;
        free_.add(pcpu);
        dirty_.remove(pcpu);
    }
    ready_ = 0;
    busy_pcpus_ = 0;
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        const VcpuFacts& facts = vcpus_[i];
        if (facts.state == VcpuState::kReady) ++ready_;
        if (facts.state != VcpuState::kRunning) continue;
        if (facts.pcpu == kNone || running_[at(facts.pcpu)] != kNone) {
            throw StateError("two vCPUs run on one pCPU, or one on none");
        }
        running_[at(facts.pcpu)] = static_cast<VcpuId>(i);
        free_.remove(facts.pcpu);
        ++busy_pcpus_;
    }
    told_ = false;
}

}  // namespace hvlab::sim
