// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "core/base/state_io.h"
#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// What each VM with a reservation has had of it in this accounting period. Policies that honour
// reservations let those that are below theirs go first, the one with the least laxity before the
// others: the time that it may still wait (Mok: Fundamental Design Problems of Distributed Systems
// for the Hard-Real-Time Environment, MIT 1983).
class Reservations {
public:
    void start(const Pcpus& host);

    // VMs that have one.
    std::span<const VmId> vms() const { return vms_; }
    // Of this period; kNever if no VM has a reservation.
    Time period_end() const { return vms_.empty() ? kNever : period_end_; }
    // To be called before the others at each instant; true at the first of a period.
    bool begin_period(Time now);

    // That many vCPUs more (or fewer) of the VM are on pCPUs from now on.
    void change_running(VmId vm, int change, Time now) {
        if (vms_.empty()) return;
        Vm& own = all_[static_cast<std::size_t>(vm)];
        own.used += own.running * (now - own.counted);
        own.counted = now;
        own.running += change;
    }
    // pCPU time that the VM lacks; 0 if it has no reservation or has had it.
    Duration lacks(VmId vm, Time now) const {
        if (vms_.empty()) return 0;
        const Vm& own = all_[static_cast<std::size_t>(vm)];
        const Duration used = own.used + own.running * (now - own.counted);
        return std::max<Duration>(own.reserved - used, 0);
    }
    // How long the VM, with so many vCPUs that want to run, may still wait.
    Duration laxity(VmId vm, int vcpus, Time now) const {
        return period_end_ - now - lacks(vm, now) / vcpus;
    }

    void save(StateWriter& writer) const;
    void load(StateReader& reader);
    // What was loaded, against the host. Throws StateError.
    void check(const Pcpus& host) const;

private:
    struct Vm {
        Duration reserved = 0;  // a period
        Duration used = 0;      // to `counted`
        Time counted = 0;
        int running = 0;
    };

    std::vector<VmId> vms_;
    std::vector<Vm> all_;
    Duration period_ = 0;
    Time period_end_ = 0;
};

}  // namespace hvlab::sim
