// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/diurnal.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "sim/model/elementary.h"
#include "sim/workloads/open.h"

namespace hvlab::sim {
namespace {

// Thinning: candidates come at the highest rate, and each is taken with the probability of the
// rate at its instant over the highest (Lewis, Shedler: Simulation of Nonhomogeneous Poisson
// Processes by Thinning, Naval Research Logistics Quarterly 26(3), 1979).
class DiurnalWorkload final : public OpenWorkload {
public:
    DiurnalWorkload(const Values& values, int vcpus)
        : OpenWorkload(values, vcpus),
          period_(values.duration("period")),
          amplitude_(values.number("amplitude")),
          offset_(static_cast<Duration>(values.number("phase") * static_cast<double>(period_))) {
        if (values.has("profile")) set_profile(values.numbers("profile"));
        highest_ =
            profile_.empty() ? 1 + amplitude_ : *std::max_element(profile_.begin(), profile_.end());
        gap_ = {Distribution::Shape::kExponential,
                1e9 * burst() / (values.number("rate") * highest_)};
    }

private:
    void set_profile(const std::vector<double>& numbers) {
        double sum = 0;
        for (const double number : numbers) {
            if (!(number >= 0 && number <= 1e12)) {
                throw ConfigError("profile", "must have numbers from 0 to 1e12");
            }
            sum += number;
        }
        if (!(sum > 0)) throw ConfigError("profile", "needs a number above 0");
        for (const double number : numbers) {
            profile_.push_back(number * static_cast<double>(numbers.size()) / sum);
        }
    }

    // Over the mean.
    double rate(Time at) const {
        const Duration within = (at + offset_) % period_;
        const double part = static_cast<double>(within) / static_cast<double>(period_);
        if (profile_.empty()) return 1 + amplitude_ * sine_of_turns(part);
        const auto step = static_cast<std::size_t>(part * static_cast<double>(profile_.size()));
        return profile_[std::min(step, profile_.size() - 1)];
    }

    Time next_burst(Time at, Stream& stream) const override {
        do {
            at += gap_.draw(stream);
        } while (stream.uniform() * highest_ >= rate(at));
        return at;
    }

    Duration period_;
    double amplitude_;
    Duration offset_;
    std::vector<double> profile_;  // over the mean
    double highest_;               // over the mean
    Distribution gap_;             // of candidates
};

constexpr Parameter kParameters[] = {
    {.name = "rate",
     .type = Parameter::Type::kNumber,
     .meaning = "requests a second on the average of a period, all of a burst counted",
     .least = OpenWorkload::kLeastRate,
     .most = OpenWorkload::kMostRate},
    OpenWorkload::kService,
    {.name = "period",
     .type = Parameter::Type::kDuration,
     .meaning = "time after which the rate repeats",
     .preset = "24h",
     .least = 1e6,
     .most = 1e15},
    {.name = "amplitude",
     .type = Parameter::Type::kNumber,
     .meaning = "how far the rate goes above and below its mean, as a part of it, in a sine",
     .preset = "0.5",
     .least = 0,
     .most = 1},
    {.name = "phase",
     .type = Parameter::Type::kNumber,
     .meaning = "where in the period time 0 is, as a part of it; 0.25 is the peak of the sine",
     .preset = "0",
     .least = 0,
     .most = 1},
    {.name = "profile",
     .type = Parameter::Type::kNumbers,
     .meaning = "in place of the sine: the rate in equal parts of the period, in any unit",
     .preset = "-",
     .least = 0,
     .most = 1e12},
    OpenWorkload::kBurst,
    OpenWorkload::kDiscipline,
    OpenWorkload::kSlice,
    OpenWorkload::kWorkers,
};

}  // namespace

constinit const WorkloadKind kDiurnalWorkload = {
    .name = "diurnal",
    .meaning = "requests come at random, at a rate that goes up and down with the time of day",
    .source =
        "Lewis, Shedler: Simulation of Nonhomogeneous Poisson Processes by Thinning, "
        "Naval Research Logistics Quarterly 26(3), 1979",
    .parameters = kParameters,
    .make = [](const Values& values, int vcpus) -> std::unique_ptr<Workload> {
        return std::make_unique<DiurnalWorkload>(values, vcpus);
    },
};

}  // namespace hvlab::sim
