// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/base/status.h"

namespace hvlab::sim {
namespace {

void require(bool holds, std::string_view where, std::string_view field, const std::string& what) {
    if (!holds) throw ConfigError(fmt::format("{}.{}", where, field), what);
}

void within(double value, double least, double most, std::string_view where,
            std::string_view field) {
    // Written so that NaN fails.
    require(value >= least && value <= most, where, field,
            fmt::format("must lie between {} and {}, not {}", least, most, value));
}

template <typename Group>
void unique_names(const std::vector<Group>& groups, std::string_view kind) {
    std::unordered_set<std::string_view> seen;
    for (const Group& group : groups) {
        if (group.name.empty()) throw ConfigError(std::string(kind), "a name is empty");
        if (!seen.insert(group.name).second) {
            throw ConfigError(fmt::format("{}.{}", kind, group.name), "the name is there twice");
        }
    }
}

void check_host(const HostGroup& host) {
    const std::string where = "hosts." + host.name;
    within(static_cast<double>(host.count), 1, static_cast<double>(kMostHosts), where, "count");
    within(host.sockets, 1, kMostPcpus, where, "sockets");
    within(host.cores, 1, kMostPcpus, where, "cores");
    within(host.threads, 1, 8, where, "threads");
    const auto pcpus = std::int64_t{host.sockets} * host.cores * host.threads;
    require(pcpus <= kMostPcpus, where, "cores",
            fmt::format("{} pCPUs are more than {}", pcpus, kMostPcpus));
    within(host.numa_nodes, 1, host.cores, where, "numa_nodes");
    require(host.cores % host.numa_nodes == 0, where, "numa_nodes",
            fmt::format("{} cores can't be divided evenly among {} nodes", host.cores,
                        host.numa_nodes));
    within(host.smt_speed, 1.0 / 1024, 1, where, "smt_speed");
    within(host.remote_speed, 1.0 / 1024, 1, where, "remote_speed");
    const auto second = static_cast<double>(kSecond);
    within(static_cast<double>(host.context_switch), 0, second, where, "context_switch");
    within(static_cast<double>(host.migration), 0, second, where, "migration");
    within(static_cast<double>(host.remote_migration), 0, second, where, "remote_migration");
    within(static_cast<double>(host.accounting_period), static_cast<double>(kMillisecond),
           60 * second, where, "accounting_period");
}

void check_vm(const VmGroup& vm) {
    const std::string where = "vms." + vm.name;
    within(static_cast<double>(vm.count), 1, static_cast<double>(kMostVms), where, "count");
    within(vm.vcpus, 1, kMostVcpus, where, "vcpus");
    within(vm.weight, 1e-6, 1e9, where, "weight");
    within(vm.reservation, 0, vm.vcpus, where, "reservation");
    if (vm.limit) {
        within(*vm.limit, 1e-3, vm.vcpus, where, "limit");
        require(*vm.limit >= vm.reservation, where, "limit",
                fmt::format("{} pCPUs are less than the {} reserved", *vm.limit, vm.reservation));
    }
    for (const int pcpu : vm.pcpus) within(pcpu, 0, kMostPcpus - 1, where, "pcpus");
    require(std::is_sorted(vm.pcpus.begin(), vm.pcpus.end()) &&
                std::adjacent_find(vm.pcpus.begin(), vm.pcpus.end()) == vm.pcpus.end(),
            where, "pcpus", "must be in ascending order, each once");
}

using Groups = std::unordered_map<std::string_view, const VmGroup*>;

// `with` leads from group to group; it must not lead back.
void check_with(const VmGroup& vm, const Groups& groups) {
    std::string way = vm.name;
    std::size_t steps = 0;
    for (const VmGroup* at = &vm; !at->with.empty();) {
        const auto next = groups.find(at->with);
        require(next != groups.end(), "vms." + at->name, "with",
                fmt::format("there are no VMs '{}'", at->with));
        at = next->second;
        way += " -> " + at->name;
        require(at != &vm && ++steps <= groups.size(), "vms." + vm.name, "with",
                "leads back to itself: " + way);
    }
}

void check_affinity(const VmGroup& vm, const Groups& groups, const Description& description) {
    const std::string where = "vms." + vm.name;
    const auto is_there = [&](const HostGroup& host) { return host.name == vm.hosts; };
    require(vm.hosts.empty() ||
                std::any_of(description.hosts.begin(), description.hosts.end(), is_there),
            where, "hosts", fmt::format("there are no hosts '{}'", vm.hosts));
    check_with(vm, groups);
    if (!vm.with.empty()) {
        require(groups.at(vm.with)->count >= vm.count, where, "with",
                fmt::format("there are {} VMs '{}' and {} to be with them",
                            groups.at(vm.with)->count, vm.with, vm.count));
    }
    for (const std::string& other : vm.apart) {
        require(groups.contains(other), where, "apart",
                fmt::format("there are no VMs '{}'", other));
        require(other != vm.with, where, "apart",
                fmt::format("can't be both with '{}' and apart from it", other));
    }
}

}  // namespace

void check(const Description& description) {
    if (description.hosts.empty()) throw ConfigError("hosts", "there is no host");
    if (description.vms.empty()) throw ConfigError("vms", "there is no VM");
    unique_names(description.hosts, "hosts");
    unique_names(description.vms, "vms");
    double hosts = 0;
    for (const HostGroup& host : description.hosts) {
        check_host(host);
        hosts += static_cast<double>(host.count);
    }
    within(hosts, 1, static_cast<double>(kMostHosts), "hosts", "count");
    double vms = 0;
    Groups groups;
    for (const VmGroup& vm : description.vms) {
        check_vm(vm);
        require(vm.pcpus.empty() || description.fidelity == Fidelity::kQuantum, "vms." + vm.name,
                "pcpus", "the fluid fidelity divides a host as a whole: it has no pCPUs to pin to");
        groups.emplace(vm.name, &vm);
        vms += static_cast<double>(vm.count);
    }
    within(vms, 1, static_cast<double>(kMostVms), "vms", "count");
    for (const VmGroup& vm : description.vms) check_affinity(vm, groups, description);
    within(static_cast<double>(description.control_latency), static_cast<double>(kMicrosecond),
           static_cast<double>(3600 * kSecond), "cluster", "control_latency");
}

}  // namespace hvlab::sim
