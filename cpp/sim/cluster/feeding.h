// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sim/hosts/host.h"
#include "sim/model/placement.h"

namespace hvlab::sim {

// What a workload that is fed from outside wants: `pairs` pairs of think time and work for each of
// these VMs of a group, VM by VM; both arrays have vms.size() x pairs elements.
struct Feed {
    std::uint32_t group;
    std::span<const std::uint32_t> vms;    // numbers within the group, ascending
    std::span<const std::uint64_t> first;  // of each: the number of its first pair, from 0
    std::size_t pairs;
    std::span<Duration> think;
    std::span<Duration> work;
};

// Throws what the user's workload throws.
using Feeder = std::function<void(const Feed&)>;

// Brings what is asked of the user's workloads to the VMs that want it.
class Feeding {
public:
    Feeding(const Placement& placement, std::span<const std::unique_ptr<Host>> hosts);

    bool needed() const { return !groups_.empty(); }
    // The VMs that want a batch are asked for in one call a group, those of hosts that do not
    // starve included: what a VM does depends on its own pairs alone, not on when it is given them.
    void feed(const Feeder& feeder);

private:
    struct Vm {
        std::uint32_t number;  // within the group
        std::uint32_t host;
        std::uint32_t on_host;
    };
    struct Group {
        std::uint32_t number;
        std::vector<Vm> vms;
    };

    void feed_group(const Group& group, const Feeder& feeder);

    std::span<const std::unique_ptr<Host>> hosts_;
    std::vector<Group> groups_;
    std::vector<const Vm*> hungry_;
    std::vector<std::uint32_t> numbers_;
    std::vector<std::uint64_t> first_;
    std::vector<Duration> think_;
    std::vector<Duration> work_;
};

}  // namespace hvlab::sim
