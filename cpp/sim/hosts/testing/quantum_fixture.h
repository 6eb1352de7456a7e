// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests of the quantum host and of schedulers: a host with some VMs under a policy.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/hosts/quantum_host.h"

namespace hvlab::sim::testing {

// Nobody to send to.
class NoOutbox final : public Outbox {
public:
    unsigned thread() const override { return 0; }
    void send(Time, ProcessId, Duration, std::uint32_t, std::uint32_t, std::uint64_t) override {
        HVLAB_ASSERT(false);
    }
};

// Every vCPU computes `work` at a time, for ever; each time is a request. They begin
// at `later` (vCPU 0 at once).
class Busy final : public Workload {
public:
    explicit Busy(Duration work = kSecond, Time later = 0) : work_(work), later_(later) {}
    std::size_t state_size(int vcpus) const override {
        return static_cast<std::size_t>(vcpus) * sizeof(Time);
    }
    void start(Guest& guest) const override;
    void done(Guest& guest, int vcpu) const override;
    void timer(Guest& guest, int vcpu) const override { begin(guest, vcpu); }
    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override;

private:
    static Time& begun(Guest& guest, int vcpu);
    void begin(Guest& guest, int vcpu) const;

    Duration work_;
    Time later_;
};

// Each vCPU does all there is: computes, spins and idles for random times, starts work of its
// siblings and takes it away, and answers requests.
class Restless final : public Workload {
public:
    explicit Restless(Duration mean) : mean_(static_cast<double>(mean)) {}

    std::size_t state_size(int vcpus) const override;
    void start(Guest& guest) const override;
    void done(Guest& guest, int vcpu) const override;
    void timer(Guest& guest, int vcpu) const override;
    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override;

private:
    Duration draw(Guest& guest) const;
    void act(Guest& guest, int vcpu) const;

    double mean_;
};

// The value of a preset, as it stands in the table of a scheduler or workload.
Value preset(const Parameter& parameter);

// The scheduler of that name with the presets, and `changed` instead of some. Durations in ns.
QuantumPolicy policy(std::string_view name,
                     const std::vector<std::pair<std::string, Value>>& changed = {});

// A host that owns what its VMs need. Give it VMs, then run it.
class QuantumFixture {
public:
    explicit QuantumFixture(int cores = 1) { group.cores = cores; }

    HostGroup group;
    HostOptions options;
    std::uint64_t seed = 1;

    // Returns its number on the host. `workload` outlives the fixture.
    VmId add(const Workload& workload, VmGroup vm = {});

    // Starts at the first call; then handles all events before `end`. Feeds workloads that starve
    // (300 us of thinking, 70 us of work).
    void run(QuantumPolicy policy, Time end);
    void run(Time end);

    QuantumHost& host() { return *host_; }
    // At the end of the last run.
    VmLedger vm(VmId id) const { return host_->vm_ledger(static_cast<std::size_t>(id), now_); }
    VmLedger all() const;
    HostLedger ledger() const { return host_->host_ledger(now_); }
    Time now() const { return now_; }

    // No time is lost or created.
    void expect_conservation() const;

    // Another host of the same description, for checkpoints.
    std::unique_ptr<QuantumHost> make(QuantumPolicy policy) const;

private:
    std::vector<std::unique_ptr<VmGroup>> groups_;
    std::vector<HostedVm> vms_;
    std::unique_ptr<QuantumHost> host_;
    Time now_ = 0;
};

}  // namespace hvlab::sim::testing
