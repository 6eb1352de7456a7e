// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/state_io.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// What each VM has had, in proportion to its weight: the one that has had least is next. In virtual
// time: a nanosecond on a pCPU is one of virtual time at weight 1024 (start-time fair queueing:
// Goyal, Guo, Vin: A Hierarchical CPU Scheduler for Multimedia Operating Systems, OSDI 1996).
//
// There is a floor, the virtual time of those that have to wait. No VM that runs is further behind
// it than a slice of each of its vCPUs: who did not want a pCPU for a while, or has more weight
// than its vCPUs can use, saves nothing up and locks nobody out.
class VmShares {
public:
    // `slice`: how long one vCPU runs at a time.
    void start(const Pcpus& host, Duration slice);

    double time(VmId vm) const { return vms_[index(vm)].time; }
    // What it will have had, if its vCPUs use up their slices.
    double after_slices(VmId vm, int running) const {
        return vms_[index(vm)].time + running * slice_cost(vm);
    }
    double slice_cost(VmId vm) const { return vms_[index(vm)].slice_cost; }

    void charge(VmId vm, Duration ran) {
        Vm& own = vms_[index(vm)];
        own.time += static_cast<double>(ran) * own.cost;
        own.time = std::max(own.time, floor_ - own.vcpus * own.slice_cost);
    }
    // It is the first of those that wait.
    void waits(VmId vm);
    // What it had by its reservation counts against its share for a period at most.
    void forgive(VmId vm, Duration period);

    void save(StateWriter& writer) const;
    void load(StateReader& reader);

private:
    struct Vm {
        double time = 0;
        double cost = 1;  // of a nanosecond
        double slice_cost = 1;
        int vcpus = 1;
    };
    static std::size_t index(VmId vm) { return static_cast<std::size_t>(vm); }

    std::vector<Vm> vms_;
    double floor_ = 0;
};

}  // namespace hvlab::sim
