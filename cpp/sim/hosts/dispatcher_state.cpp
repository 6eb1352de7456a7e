// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checkpoints.
#include "sim/hosts/dispatcher.h"
#include "sim/hosts/ledger_state.h"

namespace hvlab::sim {

namespace {

constexpr std::uint32_t kVersion = 1;

template <typename Enum>
Enum get_enum(StateReader& reader, Enum last, std::string_view what) {
    return static_cast<Enum>(reader.get_in<std::uint8_t>(0, static_cast<std::uint8_t>(last), what));
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
    now_ = reader.get<Time>();
    began_ = reader.get<Time>();
    stream_ = Stream(stream_.key(), reader.get<std::uint64_t>());
    load_ledger(reader, host_);
    const PcpuId last_pcpu = topology_.pcpus() - 1;
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        VcpuFacts& facts = vcpus_[i];
        facts.state = get_enum(reader, VcpuState::kThrottled, "state of a vCPU");
        facts.pcpu = reader.get_in(kNone, last_pcpu, "pCPU of a vCPU");
        facts.since = reader.get<Time>();
        facts.ran = reader.get<Duration>();
        facts.progress = reader.get<Duration>();
        Vcpu& own = own_vcpus_[i];
        own.left = reader.get<Work>();
        own.ahead = reader.get<Work>();
        own.counted = reader.get<Time>();
        own.charged = reader.get<Time>();
        own.activity = get_enum(reader, Activity::kSpin, "activity of a vCPU");
        own.held = reader.get_bool();
    }
    for (Pcpu& own : pcpus_) {
        own.slice_end = reader.get<Time>();
        own.overhead = reader.get<Duration>();
        own.busy_from = reader.get<Time>();
        own.last = reader.get_in(kNone, static_cast<VcpuId>(vcpus_.size()) - 1, "vCPU of a pCPU");
        own.speed = reader.get_in(1, static_cast<int>(kWorkPerNanosecond), "speed of a pCPU");
    }
    for (Vm& own : own_vms_) {
        load_ledger(reader, own.ledger);
        own.lost = reader.get<Work>();
        own.limit.load(reader);
    }
    place_loaded();
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
