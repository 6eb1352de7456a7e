// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/on_off.h"

#include <algorithm>

namespace hvlab::sim {
namespace {

class OnOffWorkload final : public Workload {
public:
    explicit OnOffWorkload(const Values& values)
        : on_(values.distribution("on")), off_(values.distribution("off")) {}

    std::size_t state_size(int /*vcpus*/) const override { return sizeof(State); }

    // On as often as in the long run, and somewhere within its time: VMs are not in step.
    void start(Guest& guest) const override {
        const double probability = on_.mean() / (on_.mean() + off_.mean());
        guest.state<State>().on = guest.stream().uniform() < probability ? 1 : 0;
        const double left = guest.stream().uniform();
        turn(guest, left);
    }

    void timer(Guest& guest, int /*vcpu*/) const override {
        guest.state<State>().on ^= 1;
        turn(guest, 1);
    }

    void done(Guest& guest, int vcpu) const override {
        guest.compute(vcpu, Distribution::kLongest);
    }

    void check(Guest& guest) const override {
        const std::int64_t on = guest.state<State>().on;
        require_state(on == 0 || on == 1);
    }

private:
    struct State {
        std::int64_t on;
    };

    void turn(Guest& guest, double part) const {
        const bool on = guest.state<State>().on != 0;
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) {
            if (on) {
                guest.compute(vcpu, Distribution::kLongest);
            } else {
                guest.idle(vcpu);
            }
        }
        const auto time = static_cast<double>((on ? on_ : off_).draw(guest.stream()));
        guest.set_timer(Guest::kVm,
                        guest.now() + std::max<Duration>(1, static_cast<Duration>(time * part)));
    }

    Distribution on_;
    Distribution off_;
};

constexpr Parameter kParameters[] = {
    {.name = "on",
     .type = Parameter::Type::kDistribution,
     .meaning = "time for which all vCPUs are busy, however much they get done"},
    {.name = "off",
     .type = Parameter::Type::kDistribution,
     .meaning = "time for which the VM is idle"},
};

}  // namespace

constinit const WorkloadKind kOnOffWorkload = {
    .name = "on-off",
    .meaning = "all vCPUs are busy for a time, then idle for a time",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        return std::make_unique<OnOffWorkload>(values);
    },
};

}  // namespace hvlab::sim
