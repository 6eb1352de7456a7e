// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <limits>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

inline constexpr Parameter kPeriodParameter = {
    .name = "period",
    .type = Parameter::Type::kDuration,
    .meaning = "time from one portion of work to the next",
    .preset = "10ms",
    .least = 1e3,
    .most = 1e15,
};
inline constexpr Parameter kStaggerParameter = {
    .name = "stagger",
    .type = Parameter::Type::kFlag,
    .meaning = "whether the vCPUs start their periods at random instants, not all at once",
    .preset = "true",
};

// Each vCPU has some work at the start of each of its periods, and is idle when it has done it;
// periods that it could not keep up with are made up for. The work of a period is a request, which
// comes when the period starts.
class PeriodicWorkload : public Workload {
public:
    std::size_t state_size(int vcpus) const override;
    void start(Guest& guest) const override;
    void timer(Guest& guest, int vcpu) const override;
    void done(Guest& guest, int vcpu) const override;
    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override;
    bool has_vm_timer() const override { return false; }
    void check(Guest& guest) const override;

protected:
    static constexpr std::int64_t kEnded = std::numeric_limits<std::int64_t>::max();

    // `stagger`: the vCPUs start their periods at random instants instead of all at once.
    PeriodicWorkload(Duration period, bool stagger) : period_(period), stagger_(stagger) {}

    // The number of the period in which a VM starts.
    virtual std::int64_t first_period(Stream& /*stream*/) const { return 0; }
    // The first period from `from` on that has work, or kEnded.
    virtual std::int64_t with_work(std::int64_t from) const = 0;
    virtual Duration work(std::int64_t period) const = 0;

    // What `utilisation` of a pCPU is in a period, at least 1 ns.
    static Duration share(double utilisation, Duration period);

private:
    struct Task;
    static Task& task(Guest& guest, int vcpu);

    Duration period_;
    bool stagger_;
};

}  // namespace hvlab::sim
