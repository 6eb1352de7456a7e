// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/vm_shares.h"

#include <algorithm>

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
    floor_ = reader.get<double>();
    for (Vm& vm : vms_) vm.time = reader.get<double>();
}

}  // namespace hvlab::sim
