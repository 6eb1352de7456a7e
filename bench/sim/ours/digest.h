// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "sim/cluster/cluster.h"

namespace bench_sim {

// Of everything that a run measured: all of its tables, bit by bit, but for the columns' names.
std::string digest(const hvlab::sim::Cluster& cluster);

}  // namespace bench_sim
