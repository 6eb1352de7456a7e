// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a run measured, as tables. Durations in nanoseconds, since the end of the warm-up; times of
// vCPUs summed over them.
#pragma once

#include "sim/cluster/cluster.h"
#include "sim/measures/table.h"

namespace hvlab::sim {

Table vm_table(const Cluster& cluster);          // a row a VM, in the order of names
Table vcpu_table(const Cluster& cluster);        // a row a vCPU; empty in the fluid fidelity
Table host_table(const Cluster& cluster);        // a row a host
Table group_table(const Cluster& cluster);       // a row a group of VMs
Table population_table(const Cluster& cluster);  // one row
Table series_table(
    const Cluster& cluster);  // a row an interval and group; empty without a resolution
Table latency_table(const Cluster& cluster);  // a row a cell of a group's histogram
// What must be true of every run: see identities.h. A row an identity.
Table identity_table(const Cluster& cluster);

}  // namespace hvlab::sim
