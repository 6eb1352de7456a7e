// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/schedulers/reservations.h"

#include <cmath>

namespace hvlab::sim {
namespace {

constexpr Duration kMostUsed = Duration{1} << 60;

}  // namespace

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
    period_end_ = reader.get_in<Time>(0, kNever, "end of a period");
    for (Vm& vm : all_) {
        vm.used = reader.get_in<Duration>(0, kMostUsed, "time that a VM used");
        vm.counted = reader.get_in<Time>(0, kNever, "time of a reservation");
        vm.running = reader.get<int>();
    }
}

void Reservations::check(const Pcpus& host) const {
    const auto require = [](bool right) {
        if (!right) throw StateError("reservations are not consistent");
    };
    const Time next = (host.now() / period_ + 1) * period_;
    require(period_end_ <= next && period_end_ % period_ == 0);
    for (std::size_t vm = 0; vm < all_.size(); ++vm) {
        const VmFacts& facts = host.vms()[vm];
        const auto vcpus = host.vcpus().subspan(static_cast<std::size_t>(facts.first),
                                                static_cast<std::size_t>(facts.vcpus));
        require(all_[vm].counted <= host.now());
        const auto running = std::ranges::count(vcpus, VcpuState::kRunning, &VcpuFacts::state);
        // Nobody counts where nobody has a reservation.
        require(all_[vm].running == running || (vms_.empty() && all_[vm].running == 0));
    }
}

}  // namespace hvlab::sim
