// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/constant.h"

#include "sim/workloads/periodic.h"

namespace hvlab::sim {
namespace {

class ConstantWorkload final : public PeriodicWorkload {
public:
    explicit ConstantWorkload(const Values& values)
        : PeriodicWorkload(values.duration("period"), values.flag("stagger")),
          work_(share(values.number("utilisation"), values.duration("period"))) {}

private:
    std::int64_t with_work(std::int64_t from) const override { return from; }
    Duration work(std::int64_t /*period*/) const override { return work_; }

    Duration work_;
};

// No periods: nothing ever waits for the end of anything.
class EndlessWorkload final : public Workload {
public:
    void start(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) done(guest, vcpu);
    }
    void done(Guest& guest, int vcpu) const override {
        guest.compute(vcpu, Distribution::kLongest);
    }
};

constexpr Parameter kParameters[] = {
    {.name = "utilisation",
     .type = Parameter::Type::kNumber,
     .meaning = "what each vCPU wants of a pCPU; 1: it is never idle, and there are no requests",
     .least = 1e-6,
     .most = 1},
    kPeriodParameter,
    kStaggerParameter,
};

}  // namespace

constinit const WorkloadKind kConstantWorkload = {
    .name = "constant",
    .meaning = "each vCPU wants the same part of a pCPU all the time, in a portion each period",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        if (values.number("utilisation") >= 1) return std::make_unique<EndlessWorkload>();
        return std::make_unique<ConstantWorkload>(values);
    },
};

}  // namespace hvlab::sim
