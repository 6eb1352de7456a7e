// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

// Requests come by themselves, in bursts, and wait in the guest, first come first served, for one
// of its workers. A worker has a vCPU until its request is done (`fifo`: as many workers as vCPUs),
// or for a slice at a time, in turns (`ps`: processor sharing, as the slice goes to 0).
//
// The queue has no limit, and no memory: instants of arrival come from a stream that depends on
// nothing else, so whoever takes a request out of the queue draws its instant again.
class OpenWorkload : public Workload {
public:
    std::size_t state_size(int vcpus) const override;
    void start(Guest& guest) const override;
    void timer(Guest& guest, int vcpu) const override;
    void done(Guest& guest, int vcpu) const override;
    void open_requests(Guest& guest, const std::function<void(Time)>& visit) const override;
    void check(Guest& guest) const override;

    // The parameters that all of them have.
    static constexpr Parameter kService = {
        .name = "service",
        .type = Parameter::Type::kDistribution,
        .meaning = "work of a request, as time on an undisturbed core"};
    static constexpr Parameter kBurst = {.name = "burst",
                                         .type = Parameter::Type::kNumber,
                                         .meaning =
                                             "mean number of requests that come together "
                                             "(geometrically distributed)",
                                         .preset = "1",
                                         .least = 1,
                                         .most = 1e4};
    static constexpr Parameter kDiscipline = {
        .name = "discipline",
        .type = Parameter::Type::kChoice,
        .meaning =
            "how the guest serves requests: one a vCPU until it is done (fifo), or all of "
            "them in turns (ps)",
        .preset = "fifo",
        .choices = "fifo|ps"};
    static constexpr Parameter kSlice = {.name = "slice",
                                         .type = Parameter::Type::kDuration,
                                         .meaning = "a turn under ps",
                                         .preset = "1ms",
                                         .least = 1e3,
                                         .most = 1e15};
    static constexpr Parameter kWorkers = {
        .name = "workers",
        .type = Parameter::Type::kInteger,
        .meaning = "how many requests take turns under ps, at least one a vCPU; others wait",
        .preset = "64",
        .least = 1,
        .most = 65536};
    static constexpr double kLeastRate = 1e-6;
    static constexpr double kMostRate = 1e7;

protected:
    OpenWorkload(const Values& values, int vcpus);

    double burst() const { return burst_; }
    // When the first burst after `at` comes.
    virtual Time next_burst(Time at, Stream& stream) const = 0;

private:
    struct Cursor;
    struct Header;
    struct Worker;
    struct View;

    void advance(Guest& guest, Cursor& cursor) const;
    void check_waiting(Guest& guest) const;
    void check_workers(Guest& guest) const;
    void take_one(View& view) const;
    void give_work(Guest& guest) const;

    Distribution service_;
    double burst_;
    double log_of_more_;  // logarithm of the probability that a burst goes on
    Duration slice_;
    int workers_;
};

}  // namespace hvlab::sim
