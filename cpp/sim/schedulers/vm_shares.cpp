// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/vm_shares.h"

#include <algorithm>
#include <cmath>

namespace hvlab::sim {

void VmShares::start(const Pcpus& host, Duration slice) {
    floor_ = 0;
    vms_.clear();
    for (const VmFacts& vm : host.vms()) {
        const double cost = 1024 / vm.weight;
        vms_.push_back(
            {.cost = cost, .slice_cost = static_cast<double>(slice) * cost, .vcpus = vm.vcpus});
    }
}

void VmShares::waits(VmId vm) {
    floor_ = std::max(floor_, time(vm));
}

void VmShares::forgive(VmId vm, Duration period) {
    Vm& own = vms_[index(vm)];
    own.time = std::min(own.time, floor_ + own.vcpus * static_cast<double>(period) * own.cost);
}

void VmShares::save(StateWriter& writer) const {
    writer.put(floor_);
    for (const Vm& vm : vms_) writer.put(vm.time);
}

void VmShares::load(StateReader& reader) {
    // NaN has no place in an order.
    constexpr double kMost = 1e30;
    const auto get = [&reader] {
        const double time = reader.get_in(-kMost, kMost, "virtual time of a VM");
        if (std::isnan(time)) throw StateError("the virtual time of a VM is not a number");
        return time;
    };
    floor_ = get();
    for (Vm& vm : vms_) vm.time = get();
}

}  // namespace hvlab::sim
