// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "sim/model/parameters.h"
#include "sim/workloads/guest.h"

namespace hvlab::sim {

// What the guests of a group of VMs do. One object serves all of them, on all threads: it holds
// parameters only; what a VM is at stands in Guest::state.
class Workload {
public:
    virtual ~Workload() = default;

    virtual std::size_t state_size(int /*vcpus*/) const { return 0; }
    virtual void start(Guest& guest) const = 0;
    // The vCPU, which is idle now, has done what Guest::compute gave it.
    virtual void done(Guest& guest, int vcpu) const = 0;
    // A timer went off: the vCPU's, or the VM's (Guest::kVm).
    virtual void timer(Guest& /*guest*/, int /*vcpu*/) const {}

    // Calls `visit` with the time of arrival of each request that has not left the VM yet.
    virtual void open_requests(Guest& guest, const std::function<void(Time)>& visit) const;

    // Whether it knows Guest::kVm in `timer`: no checkpoint arms the VM's timer of one that
    // doesn't.
    virtual bool has_vm_timer() const { return true; }

    // The VM's state came from a file that anybody may have made: throws StateError if it is none
    // that this workload leaves at Guest::now.
    virtual void check(Guest& /*guest*/) const {}

    // Of a workload that lives on batches from outside (fed.h): how many pairs of think time and
    // work the VM wants now; 0: none. Others never want any.
    virtual std::size_t wanted(Guest& guest) const;
    // How many it was given before: the number of the first of those it wants.
    virtual std::uint64_t given(Guest& guest) const;
    // Gives that many, at the instant at which the host stands. The values are within the bounds
    // of check_batch.
    virtual void feed(Guest& guest, std::span<const Duration> think,
                      std::span<const Duration> work) const;
};

// How a workload is found by its name, in YAML and in Python.
struct WorkloadKind {
    std::string_view name;
    std::string_view meaning;      // one sentence, for users
    std::string_view source = {};  // where it is described; empty if it needs no description
    std::span<const Parameter> parameters;
    // Throws ConfigError (field: the parameter's name) for values that do not go together.
    std::unique_ptr<Workload> (*make)(const Values& values, int vcpus);
};

std::span<const WorkloadKind* const> workload_kinds();
// nullptr if there is none of that name.
const WorkloadKind* find_workload(std::string_view name);

}  // namespace hvlab::sim
