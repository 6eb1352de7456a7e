// SPDX-License-Identifier: GPL-2.0-or-later
//
// `closed` with a number of clients, who share the vCPUs of their VM: requests wait in the guest,
// first come first served, for an idle one. With exponential times, on as many pCPUs as vCPUs, it
// is the queue M/M/c//N.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

inline constexpr std::int64_t kMostClients = 65536;  // of a VM

// `requests`: how many each of them makes before it has done; 0: no end.
std::unique_ptr<Workload> make_clients(const Distribution& think, const Distribution& service,
                                       std::int64_t clients, std::int64_t requests);

}  // namespace hvlab::sim
