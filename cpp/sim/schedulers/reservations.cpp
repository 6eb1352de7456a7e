// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/reservations.h"

#include <cmath>
#include <limits>

namespace hvlab::sim {

void Reservations::start(const Pcpus& host) {
    period_ = host.accounting_period();
    period_end_ = (host.now() / period_ + 1) * period_;
    vms_.clear();
    all_.clear();
    for (const VmFacts& vm : host.vms()) {
        if (vm.reservation > 0) vms_.push_back(static_cast<VmId>(all_.size()));
        Vm& own = all_.emplace_back();
        own.reserved =
            static_cast<Duration>(std::ceil(vm.reservation * static_cast<double>(period_)));
    }
}

bool Reservations::begin_period(Time now) {
    if (now < period_end_) return false;
    period_end_ = (now / period_ + 1) * period_;
    for (Vm& vm : all_) {
        vm.used = 0;
        vm.counted = now;
    }
    return true;
}

void Reservations::save(StateWriter& writer) const {
    writer.put(period_end_);
    for (const Vm& vm : all_) {
        writer.put(vm.used);
        writer.put(vm.counted);
        writer.put(vm.running);
    }
}

void Reservations::load(StateReader& reader) {
    period_end_ = reader.get<Time>();
    for (Vm& vm : all_) {
        vm.used = reader.get<Duration>();
        vm.counted = reader.get<Time>();
        vm.running = reader.get_in(0, std::numeric_limits<int>::max(), "running vCPUs of a VM");
    }
}

}  // namespace hvlab::sim
