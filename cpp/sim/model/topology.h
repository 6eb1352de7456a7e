// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sim/model/description.h"

namespace hvlab::sim {

// Which pCPU stands where. pCPUs are numbered socket by socket, core by core, thread by thread.
class Topology {
public:
    explicit Topology(const HostGroup& group)
        : pcpus_(group.pcpus()),
          threads_(group.threads),
          pcpus_of_node_(group.cores / group.numa_nodes * group.threads),
          pcpus_of_socket_(group.cores * group.threads) {}

    int pcpus() const { return pcpus_; }
    int threads() const { return threads_; }
    int cores() const { return pcpus_ / threads_; }
    int nodes() const { return pcpus_ / pcpus_of_node_; }
    int pcpus_of_node() const { return pcpus_of_node_; }

    // Asked for at each switch: most hosts have no threads, and dividing takes long.
    int core(int pcpu) const { return threads_ == 1 ? pcpu : pcpu / threads_; }
    int node(int pcpu) const { return pcpu / pcpus_of_node_; }
    int socket(int pcpu) const { return pcpu / pcpus_of_socket_; }

private:
    int pcpus_;
    int threads_;
    int pcpus_of_node_;
    int pcpus_of_socket_;
};

}  // namespace hvlab::sim
