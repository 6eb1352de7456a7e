// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

#include "core/base/status.h"

namespace hvlab::sim {
namespace {

template <typename Group>
std::vector<const Group*> sorted(const std::vector<Group>& groups) {
    std::vector<const Group*> result;
    result.reserve(groups.size());
    for (const Group& group : groups) result.push_back(&group);
    std::sort(result.begin(), result.end(),
              [](const Group* a, const Group* b) { return a->name < b->name; });
    return result;
}

constexpr double kRounding = 1e-9;  // of sums of reservations

}  // namespace

class Placement::Builder {
public:
    explicit Builder(Placement& placement) : to_(placement), groups_(placement.vm_groups_.size()) {
        const std::size_t hosts = to_.hosts();
        vcpus_.resize(hosts);
        reserved_.resize(hosts);
        host_of_.resize(to_.first_vm_.back());
        apart_.resize(groups_);
        for (std::size_t a = 0; a < groups_; ++a) {
            for (const std::string& name : to_.vm_groups_[a]->apart) {
                const std::size_t b = group_named(name);
                apart_[a].push_back(b);
                if (b != a) apart_[b].push_back(a);
            }
        }
        on_.resize(groups_);
        for (std::size_t group = 0; group < groups_; ++group) {
            if (!apart_[group].empty()) on_[group].resize(hosts);
        }
    }

    void place_all() {
        std::vector<std::uint8_t> placed(groups_);
        for (std::size_t group = 0; group < groups_; ++group) place_after_its_host(group, placed);
        collect();
    }

private:
    std::size_t group_named(const std::string& name) const {
        const auto found = std::lower_bound(
            to_.vm_groups_.begin(), to_.vm_groups_.end(), name,
            [](const VmGroup* group, const std::string& wanted) { return group->name < wanted; });
        HVLAB_ASSERT(found != to_.vm_groups_.end() && (*found)->name == name);
        return static_cast<std::size_t>(found - to_.vm_groups_.begin());
    }

    void place_after_its_host(std::size_t group, std::vector<std::uint8_t>& placed) {
        if (placed[group]) return;
        placed[group] = 1;
        const VmGroup& vms = *to_.vm_groups_[group];
        if (vms.with.empty()) {
            place_by_load(group);
            return;
        }
        const std::size_t leader = group_named(vms.with);
        place_after_its_host(leader, placed);
        for (std::uint32_t number = 0; number < vms.count; ++number) {
            const std::uint32_t host = host_of_[to_.first_vm_[leader] + number];
            if (!fits(group, host)) refuse(group, number);
            put(group, number, host);
        }
    }

    // The load of a host with this VM more, its number: the least comes first.
    using Candidate = std::pair<double, std::uint32_t>;

    void place_by_load(std::size_t group) {
        const VmGroup& vms = *to_.vm_groups_[group];
        const auto load = [&](std::uint32_t host) {
            return (vcpus_[host] + vms.vcpus) / static_cast<double>(to_.host_group(host).pcpus());
        };
        std::vector<Candidate> all;
        for (std::uint32_t host = 0; host < to_.hosts(); ++host) {
            if (vms.hosts.empty() || to_.host_group(host).name == vms.hosts) {
                all.emplace_back(load(host), host);
            }
        }
        std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue(
            {}, std::move(all));
        for (std::uint32_t number = 0; number < vms.count; ++number) {
            // A host that can't take this VM can't take the next of its group either.
            while (!queue.empty() && !fits(group, queue.top().second)) queue.pop();
            if (queue.empty()) refuse(group, number);
            const std::uint32_t host = queue.top().second;
            queue.pop();
            put(group, number, host);
            queue.emplace(load(host), host);
        }
    }

    bool fits(std::size_t group, std::uint32_t host) const {
        const VmGroup& vms = *to_.vm_groups_[group];
        const HostGroup& on = to_.host_group(host);
        if (vms.vcpus > on.pcpus() || (!vms.pcpus.empty() && vms.pcpus.back() >= on.pcpus()))
            return false;
        if (!vms.hosts.empty() && on.name != vms.hosts) return false;
        if (reserved_[host] + vms.reservation > on.pcpus() + kRounding) return false;
        return std::none_of(apart_[group].begin(), apart_[group].end(),
                            [&](std::size_t other) { return on_[other][host]; });
    }

    void put(std::size_t group, std::uint32_t number, std::uint32_t host) {
        const VmGroup& vms = *to_.vm_groups_[group];
        vcpus_[host] += vms.vcpus;
        reserved_[host] += vms.reservation;
        if (!on_[group].empty()) on_[group][host] = true;
        host_of_[to_.first_vm_[group] + number] = host;
    }

    [[noreturn]] void refuse(std::size_t group, std::uint32_t number) const {
        const VmGroup& vms = *to_.vm_groups_[group];
        throw ConfigError("vms." + vms.name,
                          fmt::format("no host can take {}-{}: {} vCPUs, {} pCPUs reserved{}{}",
                                      vms.name, number, vms.vcpus, vms.reservation,
                                      vms.hosts.empty() ? "" : ", on '" + vms.hosts + "'",
                                      vms.with.empty() ? "" : ", with '" + vms.with + "'"));
    }

    // Sorts the VMs by host, those of a host by number.
    void collect() {
        to_.first_.assign(to_.hosts() + 1U, 0);
        for (const std::uint32_t host : host_of_) ++to_.first_[host + 1];
        std::partial_sum(to_.first_.begin(), to_.first_.end(), to_.first_.begin());
        std::vector<std::uint32_t> next(to_.first_.begin(), to_.first_.end() - 1);
        to_.placed_.resize(host_of_.size());
        std::size_t vm = 0;
        for (std::uint32_t group = 0; group < groups_; ++group) {
            for (std::uint32_t number = 0; number < to_.vm_groups_[group]->count; ++number, ++vm) {
                to_.placed_[next[host_of_[vm]]++] = {group, number};
            }
        }
    }

    Placement& to_;
    std::size_t groups_;
    std::vector<double> vcpus_;                    // on each host
    std::vector<double> reserved_;                 // pCPUs of each host
    std::vector<std::vector<std::size_t>> apart_;  // of each group: those it is never with
    std::vector<std::vector<bool>> on_;  // of each such group: the hosts that have one of its VMs
    std::vector<std::uint32_t> host_of_;
};

Placement::Placement(const Description& description)
    : host_groups_(sorted(description.hosts)), vm_groups_(sorted(description.vms)) {
    for (std::uint32_t group = 0; group < host_groups_.size(); ++group) {
        for (std::uint32_t number = 0; number < host_groups_[group]->count; ++number) {
            host_group_.push_back(group);
            host_number_.push_back(number);
        }
    }
    first_vm_.push_back(0);
    for (const VmGroup* group : vm_groups_) {
        first_vm_.push_back(first_vm_.back() + static_cast<std::uint32_t>(group->count));
    }
    Builder(*this).place_all();
}

std::span<const PlacedVm> Placement::on_host(std::uint32_t host) const {
    return std::span(placed_).subspan(first_[host], first_[host + 1] - first_[host]);
}

}  // namespace hvlab::sim
