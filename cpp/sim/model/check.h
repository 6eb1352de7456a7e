// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "sim/model/description.h"

namespace hvlab::sim {

inline constexpr std::int64_t kMostHosts = 1 << 22;
inline constexpr std::int64_t kMostVms = 1 << 26;
inline constexpr int kMostPcpus = 4096;  // of a host
inline constexpr int kMostVcpus = 4096;  // of a VM

// Throws ConfigError for the first thing that is wrong; its field is like "vms.web.weight".
// Schedulers' and workloads' own parameters are checked when they are made.
void check(const Description& description);

}  // namespace hvlab::sim
