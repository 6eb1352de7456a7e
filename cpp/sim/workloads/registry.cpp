// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>

#include "sim/workloads/barrier.h"
#include "sim/workloads/closed.h"
#include "sim/workloads/constant.h"
#include "sim/workloads/diurnal.h"
#include "sim/workloads/fed.h"
#include "sim/workloads/on_off.h"
#include "sim/workloads/poisson.h"
#include "sim/workloads/spinlock.h"
#include "sim/workloads/trace.h"
#include "sim/workloads/workload.h"

namespace hvlab::sim {
namespace {

constexpr std::array kKinds = {
    &kConstantWorkload, &kOnOffWorkload,   &kPoissonWorkload,  &kDiurnalWorkload, &kClosedWorkload,
    &kTraceWorkload,    &kBarrierWorkload, &kSpinlockWorkload, &kFedWorkload,
};

}  // namespace

std::span<const WorkloadKind* const> workload_kinds() {
    return kKinds;
}

const WorkloadKind* find_workload(std::string_view name) {
    const auto found =
        std::ranges::find(kKinds, name, [](const WorkloadKind* kind) { return kind->name; });
    return found == kKinds.end() ? nullptr : *found;
}

}  // namespace hvlab::sim
