// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/feeding.h"

#include <algorithm>

#include "core/base/status.h"
#include "sim/workloads/fed.h"

namespace hvlab::sim {

Feeding::Feeding(const Placement& placement, std::span<const std::unique_ptr<Host>> hosts)
    : hosts_(hosts) {
    for (std::uint32_t number = 0; number < placement.vm_groups().size(); ++number) {
        const VmGroup& group = *placement.vm_groups()[number];
        if (group.workload.name != kFedWorkload.name) continue;
        groups_.push_back({number, std::vector<Vm>(static_cast<std::size_t>(group.count))});
    }
    if (groups_.empty()) return;
    for (std::uint32_t host = 0; host < placement.hosts(); ++host) {
        const auto placed = placement.on_host(host);
        for (std::uint32_t vm = 0; vm < placed.size(); ++vm) {
            for (Group& group : groups_) {
                if (group.number != placed[vm].group) continue;
                group.vms[placed[vm].number] = {placed[vm].number, host, vm};
            }
        }
    }
}

void Feeding::feed(const Feeder& feeder) {
    HVLAB_ASSERT(feeder != nullptr);
    for (const Group& group : groups_) feed_group(group, feeder);
}

void Feeding::feed_group(const Group& group, const Feeder& feeder) {
    hungry_.clear();
    numbers_.clear();
    first_.clear();
    std::size_t pairs = 0;
    for (const Vm& vm : group.vms) {
        const std::size_t wanted = hosts_[vm.host]->wanted(vm.on_host);
        if (wanted == 0) continue;
        HVLAB_ASSERT(pairs == 0 || wanted == pairs);
        pairs = wanted;
        hungry_.push_back(&vm);
        numbers_.push_back(vm.number);
        first_.push_back(hosts_[vm.host]->given(vm.on_host));
    }
    if (hungry_.empty()) return;
    think_.assign(hungry_.size() * pairs, -1);
    work_.assign(hungry_.size() * pairs, -1);
    feeder({group.number, numbers_, first_, pairs, think_, work_});
    check_batches(numbers_, pairs, think_, work_);
    for (std::size_t i = 0; i < hungry_.size(); ++i) {
        hosts_[hungry_[i]->host]->feed(hungry_[i]->on_host,
                                       std::span(think_).subspan(i * pairs, pairs),
                                       std::span(work_).subspan(i * pairs, pairs));
    }
}

}  // namespace hvlab::sim
