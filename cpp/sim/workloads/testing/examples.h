// SPDX-License-Identifier: GPL-2.0-or-later
//
// Workloads for tests, by their names.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

// With these values; the others have their presets.
std::unique_ptr<Workload> make_workload(std::string_view name, Values values, int vcpus = 1);

// With presets, and values that make a request (if there are any) some 0.1 ms of work where there
// are none.
std::unique_ptr<Workload> example_workload(std::string_view name, int vcpus = 1);

// What example_workload knows: all workloads, and `closed-clients`, `closed` with seven of them.
std::vector<std::string> example_names();

}  // namespace hvlab::sim
