// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/registry.h"

#include <algorithm>
#include <array>

namespace hvlab::sim {

std::span<const SchedulerKind* const> scheduler_kinds() {
    // By name.
    static constexpr std::array kKinds = {
        &kCredit2, &kEevdf, &kEsx, &kGang, &kHyperv, &kRoundRobin,
    };
    return kKinds;
}

const SchedulerKind* find_scheduler(std::string_view name) {
    const auto kinds = scheduler_kinds();
    const auto found =
        std::ranges::find(kinds, name, [](const SchedulerKind* kind) { return kind->name; });
    return found == kinds.end() ? nullptr : *found;
}

Promises promises(const SchedulerKind& kind, const Values& values) {
    return kind.promises_with == nullptr ? kind.promises : kind.promises_with(values);
}

}  // namespace hvlab::sim
