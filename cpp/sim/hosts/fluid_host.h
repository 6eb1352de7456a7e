// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/engine/agenda.h"
#include "sim/hosts/host.h"
#include "sim/hosts/requests.h"
#include "sim/hosts/shares.h"

namespace hvlab::sim {

// A host in the fluid fidelity: generalised processor sharing with weights, reservations and limits
// (Parekh, Gallager: A Generalized Processor Sharing Approach to Flow Control, IEEE/ACM ToN 1(3),
// 1993). VMs have rates that change at events only; there are no slices, no costs of switching, and
// no scheduler.
class FluidHost final : public Host, private Guest {
public:
    FluidHost(const HostGroup& group, std::span<const HostedVm> vms, const HostOptions& options);

    Time next() const override { return next_; }
    Advanced advance(Time end, Outbox& outbox) override;
    void receive(const Message& message) override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

    Time now() const override { return now_; }  // of Guest, too
    std::size_t vms() const override { return vms_.size(); }
    VmLedger vm_ledger(std::size_t vm, Time now) const override;
    HostLedger host_ledger(Time now) const override;
    const ResponseTimes& response_times() const override { return response_times_; }
    VmLedger open_sample(std::uint32_t group, Time now) const override;
    std::optional<VcpuAccount> vcpu_account(std::size_t /*vm*/, int /*vcpu*/,
                                            Time /*now*/) const override {
        return std::nullopt;
    }
    void open_requests(std::size_t vm, const std::function<void(Time)>& visit) override;
    std::span<const std::uint32_t> starving() const override { return starving_; }
    std::size_t wanted(std::size_t vm) override;
    std::uint64_t given(std::size_t vm) override;
    void feed(std::size_t vm, std::span<const Duration> think,
              std::span<const Duration> work) override;

private:
    enum class Doing : std::uint8_t { kNothing, kComputing, kSpinning };

    static constexpr std::uint32_t kNotActive = UINT32_MAX;

    struct Vm {
        const Workload* workload;
        std::uint32_t group_number;
        std::uint32_t first_vcpu;
        std::uint32_t state;  // its place in states_
        std::int32_t vcpus;
        double weight;
        double least;  // pCPUs
        double most;
    };

    // All that changes; no pointers, so that it is saved as it stands.
    struct Live {
        // vCPUs that want a pCPU, and how many of these make progress.
        std::int32_t wanting = 0;
        std::int32_t computing = 0;
        std::uint32_t active = kNotActive;  // its place in active_, or kNotActive
        std::uint8_t dirty = 0;             // 1: in dirty_
        double rate = 0;                    // pCPUs it has
        double pace = 0;                    // work that each of its wanting vCPUs does, ns a ns
        double served = 0;                  // work that each did since the VM was last idle, ns
        Time since = 0;                     // the account and `served` are up to here
        // The account, ns. What it wanted is a sum of whole numbers; ready time is what is missing
        // of it.
        Duration wanted = 0;
        double run = 0;
        double lost = 0;
        double spun = 0;
        double throttled = 0;
        Stream stream{0};
        Requests requests;
        RequestLedger account;
    };

    // The agenda's slots: two for the host, then a timer for each VM, then one for each vCPU.
    static constexpr Agenda::Slot kSample = 0;
    static constexpr Agenda::Slot kWarmup = 1;
    static constexpr Agenda::Slot kFirstVm = 2;

    // --- Guest: of the VM current_ ---
    int vcpus() const override { return vms_[current_].vcpus; }
    Stream& stream() override { return live_[current_].stream; }
    void compute(int vcpu, Duration work) override;
    void spin(int vcpu) override;
    void idle(int vcpu) override;
    void set_timer(int vcpu, Time at) override;
    void arrive() override;
    void respond(Time arrived) override;
    void starve() override;

    [[noreturn]] void refuse(const char* what) const;

    static Agenda::Slot slots(std::span<const HostedVm> vms);
    void enter(std::size_t vm);
    void start();
    void handle_instant();
    bool finish_due();
    bool fire_due();
    void finish_vcpus(std::size_t vm);
    void fire(Agenda::Slot slot);
    void change(int vcpu, Doing doing, double finish);
    void mark_dirty(std::size_t vm);
    std::size_t vcpu_index(int vcpu) const;

    static void accrue(const Vm& vm, Live& live, Time now);
    void settle();
    void settle_active();
    void settle_rates();
    void set_rate(std::size_t vm, double rate, double speed);
    void update_next();
    void check_loaded();
    void check_times() const;
    void check_active() const;
    void check_vm(std::size_t vm) const;

    void reset_accounts();
    void sample();

    HostGroup group_;
    HostOptions options_;
    std::vector<double> speeds_;
    bool uniform_ =
        true;  // equal single-vCPU VMs without reservations and limits: one rate for all

    Time now_ = 0;
    Time next_ = 0;
    std::size_t current_ = 0;
    unsigned thread_ = 0;
    std::uint64_t events_ = 0;
    bool started_ = false;

    std::vector<Vm> vms_;
    std::vector<Live> live_;
    std::vector<Doing> doing_;           // of each vCPU
    std::vector<double> finish_;         // of each vCPU: when Live::served reaches this, it is done
    std::vector<std::uint64_t> states_;  // the workloads' memory, in words for its alignment

    std::vector<std::uint32_t> active_;  // VMs with vCPUs that want a pCPU
    std::vector<Time> completes_;        // of each of these: when the next of its vCPUs is done
    Time first_completes_ = kNever;
    std::int64_t wanting_ = 0;  // vCPUs of the host
    double uniform_rate_ = 0;
    double uniform_speed_ = 1;
    std::vector<std::uint32_t> starving_;
    std::vector<std::uint32_t> dirty_;  // VMs whose wanting vCPUs changed at this instant

    Agenda agenda_;
    std::int64_t samples_ = 0;
    std::vector<VmLedger> sampled_;  // of each group on this host: what was told so far
    std::vector<VmLedger> sums_;
    ResponseTimes response_times_;
    Time accounts_from_ = 0;
    std::vector<std::uint32_t> groups_;       // the groups on this host, ascending
    std::vector<std::uint32_t> group_index_;  // of each VM: its place there

    // Scratch, of the size of vms_.
    std::vector<std::uint32_t> due_;
    std::vector<Claim> claims_;
    std::vector<double> divided_;
    Shares shares_;
};

}  // namespace hvlab::sim
