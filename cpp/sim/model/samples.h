// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests: small clusters to start from.
#pragma once

#include <string>
#include <utility>

#include "sim/model/description.h"

namespace hvlab::sim::samples {

inline HostGroup host(std::string name, std::int64_t count, int cores) {
    HostGroup group;
    group.name = std::move(name);
    group.count = count;
    group.cores = cores;
    group.scheduler.name = "round-robin";
    group.scheduler.values.set("slice", Value(std::int64_t{kMillisecond}));
    return group;
}

inline Distribution exponential(Duration mean) {
    return {Distribution::Shape::kExponential, static_cast<double>(mean), 0};
}

inline VmGroup vm(std::string name, std::int64_t count, int vcpus) {
    VmGroup group;
    group.name = std::move(name);
    group.count = count;
    group.vcpus = vcpus;
    group.workload.name = "closed";
    group.workload.values.set("think", Value(exponential(kSecond)));
    group.workload.values.set("service", Value(exponential(kSecond)));
    return group;
}

}  // namespace hvlab::sim::samples
