// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/model/description.h"

namespace hvlab::sim {

// A VM on its host. Groups are numbered in the order of their names.
struct PlacedVm {
    std::uint32_t group;
    std::uint32_t number;  // within its group
};

// Which VM is on which host. Hosts are numbered by the name of their group, then within it; so are
// VMs: the order of declaration decides nothing.
class Placement {
public:
    // `description` has passed check(). Each VM goes to the host with the fewest vCPUs a pCPU that
    // can take it (its group of hosts, `with`, `apart`, as many pCPUs as it has vCPUs and
    // reserves). Throws ConfigError if there is none.
    explicit Placement(const Description& description);

    std::uint32_t hosts() const { return static_cast<std::uint32_t>(host_group_.size()); }
    std::uint32_t vms() const { return static_cast<std::uint32_t>(placed_.size()); }

    // In the order of their names.
    std::span<const HostGroup* const> host_groups() const { return host_groups_; }
    std::span<const VmGroup* const> vm_groups() const { return vm_groups_; }

    const HostGroup& host_group(std::uint32_t host) const {
        return *host_groups_[host_group_[host]];
    }
    std::uint32_t host_number(std::uint32_t host) const { return host_number_[host]; }
    // In the order of VM numbers.
    std::span<const PlacedVm> on_host(std::uint32_t host) const;
    // The VM's number among all.
    std::uint32_t vm_number(const PlacedVm& vm) const { return first_vm_[vm.group] + vm.number; }

private:
    class Builder;

    std::vector<const HostGroup*> host_groups_;
    std::vector<const VmGroup*> vm_groups_;
    std::vector<std::uint32_t> host_group_;
    std::vector<std::uint32_t> host_number_;
    std::vector<std::uint32_t> first_vm_;  // of each group
    std::vector<std::uint32_t> first_;     // of each host in placed_, and the end
    std::vector<PlacedVm> placed_;
};

}  // namespace hvlab::sim
