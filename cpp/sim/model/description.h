// SPDX-License-Identifier: GPL-2.0-or-later
//
// A cluster as it was described: groups of equal hosts, groups of equal VMs. Plain data; `check`
// says what is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/time.h"
#include "sim/model/parameters.h"

namespace hvlab::sim {

// A scheduler or a workload by its name, with its parameters.
struct Choice {
    std::string name;
    Values values;
};

// pCPUs are numbered socket by socket, core by core, thread by thread: the siblings of a core are
// neighbours. NUMA nodes divide the cores of a socket evenly.
struct HostGroup {
    std::string name;
    std::int64_t count = 1;
    int sockets = 1;
    int cores = 1;               // a socket
    int threads = 1;             // a core
    int numa_nodes = 1;          // a socket
    double smt_speed = 0.62;     // of a thread while a sibling is busy; 1 when alone
    double remote_speed = 0.85;  // of a vCPU away from its VM's NUMA node
    Duration context_switch = 2 * kMicrosecond;  // pCPU time when another vCPU is put on a pCPU
    Duration migration = 10 * kMicrosecond;      // pCPU time more, if it last ran on another core
    Duration remote_migration = 50 * kMicrosecond;    // instead, if it was on another NUMA node
    Duration accounting_period = 100 * kMillisecond;  // over which limits hold
    Choice scheduler;

    int pcpus() const { return sockets * cores * threads; }
};

struct VmGroup {
    std::string name;
    std::int64_t count = 1;
    int vcpus = 1;
    double weight = 1024;
    double reservation = 0;       // pCPUs
    std::optional<double> limit;  // pCPUs
    std::vector<int> pcpus;       // where its vCPUs may run; empty: everywhere
    std::string hosts;            // the group of hosts it is placed on; empty: any
    std::string with;  // placed on the host that has the VM of the same number of that group
    std::vector<std::string>
        apart;  // never on a host with a VM of these groups (its own name: of itself)
    Choice workload;
};

enum class Fidelity : std::uint8_t { kFluid, kQuantum };

struct Description {
    std::vector<HostGroup> hosts;
    std::vector<VmGroup> vms;
    std::uint64_t seed = 0;
    Fidelity fidelity = Fidelity::kQuantum;
    Duration control_latency =
        kMillisecond;  // the least time from one host to another: the engine's lookahead
};

}  // namespace hvlab::sim
