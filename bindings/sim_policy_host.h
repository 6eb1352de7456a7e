// SPDX-License-Identifier: GPL-2.0-or-later
//
// A simulated host as a scheduler written in Python sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/schedulers/scheduler.h"

namespace hvlab::python {

// Copies of a vCPU's and a VM's facts: they stay as they were when they were asked for.
struct PolicyVcpu {
    int vm;
    std::string_view state;
    std::optional<int> pcpu;
    sim::Time since;
    sim::Duration ran;
    sim::Duration progress;
};

struct PolicyVm {
    int first;
    int vcpus;
    double weight;
    double reservation;
    double limit;
    std::vector<int> pcpus;
    int home;
};

// All methods with the GIL. They throw py::error_already_set: SimulationError for what makes no
// sense, and outside a call of the policy.
class PolicyHost {
public:
    explicit PolicyHost(std::string policy) : policy_(std::move(policy)) {}

    // The host is there as long as this lives; calls nest.
    class Bound {
    public:
        Bound(PolicyHost& view, sim::Pcpus& host)
            : view_(view),
              before_(std::exchange(view.host_, &host)),
              actions_before_(before_ == nullptr ? 0 : view.actions_) {
            view_.actions_ = actions_before_;
        }
        ~Bound() { view_.host_ = before_; }
        Bound(const Bound&) = delete;
        Bound& operator=(const Bound&) = delete;

    private:
        PolicyHost& view_;
        sim::Pcpus* before_;
        std::uint64_t actions_before_;
    };

    sim::Time now() const { return host("now").now(); }
    sim::Duration accounting_period() const {
        return host("accounting_period").accounting_period();
    }
    int pcpus() const { return host("pcpus").topology().pcpus(); }
    int core(int pcpu) const;
    int node(int pcpu) const;
    std::vector<std::optional<int>> running() const;
    std::vector<int> free() const;
    std::vector<int> ready() const;
    std::vector<PolicyVcpu> vcpus() const;
    PolicyVcpu vcpu(int vcpu) const;
    std::vector<PolicyVm> vms() const;
    PolicyVm vm(int vm) const;
    bool allowed(int vcpu, int pcpu) const;
    std::optional<int> best_free(int vcpu) const;

    std::uint64_t random(std::uint64_t bound);
    void run(int pcpu, int vcpu, std::optional<sim::Duration> slice);
    void extend(int pcpu, std::optional<sim::Duration> slice);
    void preempt(int pcpu);
    void hold(int vcpu, bool held);
    void set_timer(std::optional<sim::Time> at);

private:
    sim::Pcpus& host(const char* asked) const;
    // For what a policy does; a call that does more than any sensible one is caught in a loop.
    sim::Pcpus& acting(const char* asked);
    void check_vcpu(const sim::Pcpus& host, int vcpu, const char* asked) const;
    void check_pcpu(const sim::Pcpus& host, int pcpu, const char* asked) const;
    [[noreturn]] void refuse(const std::string& message) const;

    std::string policy_;
    sim::Pcpus* host_ = nullptr;
    std::uint64_t actions_ = 0;  // of this call
};

}  // namespace hvlab::python
