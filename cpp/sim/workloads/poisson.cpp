// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/poisson.h"

#include "sim/workloads/open.h"

namespace hvlab::sim {
namespace {

class PoissonWorkload final : public OpenWorkload {
public:
    PoissonWorkload(const Values& values, int vcpus)
        : OpenWorkload(values, vcpus),
          gap_{Distribution::Shape::kExponential, 1e9 * burst() / values.number("rate")} {}

private:
    Time next_burst(Time at, Stream& stream) const override { return at + gap_.draw(stream); }

    Distribution gap_;
};

constexpr Parameter kParameters[] = {
    {.name = "rate",
     .type = Parameter::Type::kNumber,
     .meaning = "requests a second, all of a burst counted",
     .least = OpenWorkload::kLeastRate,
     .most = OpenWorkload::kMostRate},
    OpenWorkload::kService,
    OpenWorkload::kBurst,
    OpenWorkload::kDiscipline,
    OpenWorkload::kSlice,
    OpenWorkload::kWorkers,
};

}  // namespace

constinit const WorkloadKind kPoissonWorkload = {
    .name = "poisson",
    .meaning = "requests come at random, alone or in bursts, whether earlier ones are done or not",
    .parameters = kParameters,
    .make = [](const Values& values, int vcpus) -> std::unique_ptr<Workload> {
        return std::make_unique<PoissonWorkload>(values, vcpus);
    },
};

}  // namespace hvlab::sim
