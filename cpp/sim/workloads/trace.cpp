// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/trace.h"

#include <fmt/format.h>

#include <vector>

#include "sim/workloads/periodic.h"

namespace hvlab::sim {
namespace {

class TraceWorkload final : public PeriodicWorkload {
public:
    explicit TraceWorkload(const Values& values)
        : PeriodicWorkload(values.duration("period"), values.flag("stagger")),
          periods_of_step_(values.duration("step") / values.duration("period")),
          repeat_(values.flag("repeat")),
          shift_(values.flag("shift")) {
        for (const double utilisation : values.numbers("utilisation")) {
            work_.push_back(utilisation > 0 ? share(utilisation, values.duration("period")) : 0);
        }
        find_idle_steps();
    }

private:
    std::int64_t steps() const { return static_cast<std::int64_t>(work_.size()); }

    // How many steps without work there are from each step on.
    void find_idle_steps() {
        idle_steps_.assign(work_.size(), 0);
        std::int64_t idle = kNoWork;
        for (std::int64_t i = 2 * steps() - 1; i >= 0; --i) {
            const auto step = static_cast<std::size_t>(i % steps());
            if (i == steps() - 1 && !repeat_) idle = kNoWork;
            idle = work_[step] > 0 ? 0 : idle == kNoWork ? kNoWork : idle + 1;
            idle_steps_[step] = idle;
        }
    }

    std::int64_t first_period(Stream& stream) const override {
        if (!shift_) return 0;
        return static_cast<std::int64_t>(stream.uniform() *
                                         static_cast<double>(steps() * periods_of_step_));
    }

    std::int64_t with_work(std::int64_t from) const override {
        const std::int64_t step = from / periods_of_step_;
        if (step >= steps() && !repeat_) return kEnded;
        const std::int64_t idle = idle_steps_[static_cast<std::size_t>(step % steps())];
        if (idle == kNoWork) return kEnded;
        return idle == 0 ? from : (step + idle) * periods_of_step_;
    }

    Duration work(std::int64_t period) const override {
        return work_[static_cast<std::size_t>(period / periods_of_step_ % steps())];
    }

    static constexpr std::int64_t kNoWork = -1;  // ever again

    std::int64_t periods_of_step_;
    bool repeat_;
    bool shift_;
    std::vector<Duration> work_;  // a period, by step
    std::vector<std::int64_t> idle_steps_;
};

void check(const Values& values) {
    const std::vector<double>& utilisation = values.numbers("utilisation");
    if (utilisation.empty()) throw ConfigError("utilisation", "needs at least one number");
    for (std::size_t i = 0; i < utilisation.size(); ++i) {
        if (!(utilisation[i] >= 0 && utilisation[i] <= 1)) {
            throw ConfigError("utilisation", fmt::format("number {} must be from 0 to 1, not {}",
                                                         i + 1, utilisation[i]));
        }
    }
    if (values.duration("step") % values.duration("period") != 0) {
        throw ConfigError("step", fmt::format("must be a multiple of the period ({} ns)",
                                              values.duration("period")));
    }
    constexpr double kLongestTrace = 1e18;  // so that a time within it is one
    const double length =
        static_cast<double>(utilisation.size()) * static_cast<double>(values.duration("step"));
    if (length > kLongestTrace) {
        throw ConfigError("step", fmt::format("makes a trace of {:.0f} s: at most 10^9 s",
                                              length / static_cast<double>(kSecond)));
    }
    if (values.flag("shift") && !values.flag("repeat")) {
        throw ConfigError("shift", "a trace that does not repeat is begun at its beginning");
    }
}

constexpr Parameter kParameters[] = {
    {.name = "utilisation",
     .type = Parameter::Type::kNumbers,
     .meaning = "what each vCPU wants of a pCPU, step by step",
     .least = 0,
     .most = 1},
    {.name = "step",
     .type = Parameter::Type::kDuration,
     .meaning = "how long each number holds: a multiple of the period",
     .preset = "5min",
     .least = 1e3,
     .most = 1e15},
    {.name = "repeat",
     .type = Parameter::Type::kFlag,
     .meaning = "whether the trace begins again at its end; otherwise the VM is idle from then on",
     .preset = "true"},
    {.name = "shift",
     .type = Parameter::Type::kFlag,
     .meaning = "whether each VM begins at a random point of the trace",
     .preset = "false"},
    kPeriodParameter,
    kStaggerParameter,
};

}  // namespace

constinit const WorkloadKind kTraceWorkload = {
    .name = "trace",
    .meaning = "each vCPU wants what a trace of utilisation says, in a portion each period",
    .parameters = kParameters,
    .make = [](const Values& values, int /*vcpus*/) -> std::unique_ptr<Workload> {
        check(values);
        return std::make_unique<TraceWorkload>(values);
    },
};

}  // namespace hvlab::sim
