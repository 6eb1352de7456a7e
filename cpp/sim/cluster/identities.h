// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "sim/cluster/cluster.h"

namespace hvlab::sim {

// Something that is true of every run, whatever was simulated, and by how much it is missed at
// worst.
struct Identity {
    std::string name;
    std::string meaning;
    double worst;       // ns
    double bound;       // ns
    std::string where;  // the VM or host that misses it most; empty if none misses it

    bool holds() const { return worst <= bound; }
};

// - time: run + ready + co-stop + throttled + idle of a VM are its vCPUs x the time measured
// - capacity: busy and idle time of a host are its pCPUs x the time measured
// - service: its VMs' run time is the host's busy time
// - little: the integral of the number of requests in a VM is the sum of their sojourns, those
// before the
//   warm-up's end and those not over at the end included (Little: A Proof for the Queuing Formula L
//   = lambda W, Operations Research 9(3), 1961)
// - limit: a VM's run time is at most its limit x the time measured
std::vector<Identity> identities(const Cluster& cluster);

}  // namespace hvlab::sim
