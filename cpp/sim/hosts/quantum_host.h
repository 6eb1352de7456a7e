// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host in the quantum fidelity: each slice of each vCPU is an event, and switching, migration,
// shared cores and remote memory cost what they cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/hosts/dispatcher.h"
#include "sim/hosts/host.h"
#include "sim/hosts/quantum_agenda.h"
#include "sim/hosts/quantum_guest.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

struct QuantumPolicy {
    std::string name;  // for messages
    std::unique_ptr<Scheduler> scheduler;
    bool work_conserving = false;  // held to it
};

class QuantumHost final : public Host {
public:
    // `group` and what `vms` points to outlive the host. `stream_key`: of the scheduler's random
    // numbers.
    QuantumHost(const HostGroup& group, std::vector<HostedVm> vms, QuantumPolicy policy,
                std::uint64_t stream_key, const HostOptions& options);
    QuantumHost(const QuantumHost&) = delete;
    QuantumHost& operator=(const QuantumHost&) = delete;

    Time next() const override { return unfinished_ ? dispatcher_.now() : agenda_.next(); }
    // Throws PolicyError and WorkloadError; then the host can't go on.
    Advanced advance(Time end, Outbox& outbox) override;
    void receive(const Message& message) override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

    Time now() const override { return dispatcher_.now(); }
    std::size_t vms() const override { return vms_.size(); }
    VmLedger vm_ledger(std::size_t vm, Time now) const override;
    HostLedger host_ledger(Time now) const override;
    const ResponseTimes& response_times() const override { return guest_.response_times(); }
    VmLedger open_sample(std::uint32_t group, Time now) const override;
    std::optional<VcpuAccount> vcpu_account(std::size_t vm, int vcpu, Time now) const override;
    void open_requests(std::size_t vm, const std::function<void(Time)>& visit) override;

    std::span<const std::uint32_t> starving() const override { return guest_.starving(); }
    std::size_t wanted(std::size_t vm) override { return guest_.wanted(static_cast<VmId>(vm)); }
    std::uint64_t given(std::size_t vm) override { return guest_.given(static_cast<VmId>(vm)); }
    void feed(std::size_t vm, std::span<const Duration> think,
              std::span<const Duration> work) override {
        guest_.feed(static_cast<VmId>(vm), think, work);
    }

    const Pcpus& pcpus() const { return dispatcher_; }

private:
    struct GroupSums {
        std::uint32_t group = 0;
        VmLedger sums;  // at the last sample
    };

    // False if it starves.
    bool instant(std::uint64_t& events);
    void handle(Agenda::Slot slot);
    void pcpu_stop(PcpuId pcpu);
    void sample();
    void reset_ledgers();
    VmLedger group_sums(std::uint32_t group, Time now) const;
    void check_agenda() const;
    [[noreturn]] void too_many_events(Agenda::Slot slot) const;

    std::vector<HostedVm> vms_;
    HostOptions options_;
    std::unique_ptr<Scheduler> scheduler_;
    std::string policy_name_;
    QuantumSlots slots_;
    QuantumAgenda agenda_;
    Dispatcher dispatcher_;
    QuantumGuest guest_;
    std::vector<GroupSums> samples_;
    std::int64_t events_ = 0;  // since the ledgers began
    unsigned thread_ = 0;
    bool unfinished_ = false;  // it starves at an instant, or did till it was fed
};

}  // namespace hvlab::sim
