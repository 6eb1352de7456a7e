// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "core/base/status.h"

namespace hvlab::sim {

// A scheduler asked its host for something that makes no sense. Those that come with hvlab don't
// (or that is a bug of ours); a user's own may.
class PolicyError : public Error {
public:
    PolicyError(std::string policy, const std::string& message)
        : Error("scheduler '" + policy + "': " + message), policy_(std::move(policy)) {}

    const std::string& policy() const { return policy_; }

private:
    std::string policy_;
};

// So did a workload its guest. `vm`: its group and number, like "web[3]".
class WorkloadError : public Error {
public:
    WorkloadError(std::string vm, const std::string& message)
        : Error("workload of VM " + vm + ": " + message), vm_(std::move(vm)) {}

    const std::string& vm() const { return vm_; }

private:
    std::string vm_;
};

}  // namespace hvlab::sim
