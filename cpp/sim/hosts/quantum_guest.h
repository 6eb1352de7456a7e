// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/state_io.h"
#include "sim/hosts/dispatcher.h"
#include "sim/hosts/requests.h"
#include "sim/workloads/guest.h"

namespace hvlab::sim {

// All VMs of a quantum host, one at a time: `select` says which it is now.
class QuantumGuest final : public Guest {
public:
    QuantumGuest(std::span<const HostedVm> vms, const HostOptions& options, Dispatcher& dispatcher,
                 QuantumAgenda& agenda, const QuantumSlots& slots);

    Time now() const override { return dispatcher_.now(); }
    int vcpus() const override { return dispatcher_.vms()[vm_].vcpus; }
    Stream& stream() override { return vms_[vm_].stream; }
    void compute(int vcpu, Duration work) override;
    void spin(int vcpu) override;
    void idle(int vcpu) override;
    void set_timer(int vcpu, Time at) override;
    void arrive() override;
    void respond(Time arrived) override;
    void starve() override;

    // Calls of the workload; the VM is selected then.
    void start(VmId vm);
    void done(VcpuId vcpu);
    void vcpu_timer(VcpuId vcpu);
    void vm_timer(VmId vm);
    void open_requests(VmId vm, const std::function<void(Time)>& visit);

    // Of workloads that live on batches.
    std::span<const std::uint32_t> starving() const { return starving_; }  // ascending
    std::size_t wanted(VmId vm);
    std::uint64_t given(VmId vm);
    void feed(VmId vm, std::span<const Duration> think, std::span<const Duration> work);

    // Which of the engine's threads it is on.
    void set_thread(unsigned thread) { thread_ = thread; }
    const ResponseTimes& response_times() const { return response_times_; }
    // Adds what the ledger lacks.
    void add_presence(VmId vm, Time now, VmLedger& ledger) const;
    // The ledgers begin anew.
    void reset_ledgers();
    std::string name(VmId vm) const;

    void save(StateWriter& writer) const;
    // `started`: the workloads have.
    void load(StateReader& reader, bool started);

private:
    struct Vm {
        Stream stream;
        Requests requests;
        std::span<std::byte> state;
    };

    void select(VmId vm);
    VcpuId vcpu_id(int vcpu, const char* call) const;
    [[noreturn]] void refuse(const std::string& message) const;

    std::span<const HostedVm> hosted_;
    Recorder* recorder_;
    Dispatcher& dispatcher_;
    QuantumAgenda& agenda_;
    const QuantumSlots& slots_;

    std::vector<std::uint64_t> memory_;  // of all workloads' states
    std::vector<Vm> vms_;
    std::size_t vm_ = 0;
    std::vector<std::uint32_t> starving_;
    unsigned thread_ = 0;
    Time began_ = 0;  // the ledgers did
    bool warm_;
    ResponseTimes response_times_;
};

}  // namespace hvlab::sim
