// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>

#include "sim/workloads/closed.h"
#include "sim/workloads/workload.h"

namespace hvlab::sim {
namespace {

constexpr std::array<const WorkloadKind*, 1> kKinds = {
    &kClosedWorkload,
};

}  // namespace

std::span<const WorkloadKind* const> workload_kinds() {
    return kKinds;
}

const WorkloadKind* find_workload(std::string_view name) {
    const auto* const found = std::find_if(
        kKinds.begin(), kKinds.end(), [&](const WorkloadKind* kind) { return kind->name == name; });
    return found == kKinds.end() ? nullptr : *found;
}

}  // namespace hvlab::sim
