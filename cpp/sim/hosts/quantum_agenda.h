// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>

#include "sim/engine/agenda.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// Which slot of a host's agenda is what. At one instant they are handled in this order: what ends
// an interval comes before what begins the next one, and work that is done before a limit that is
// used up.
struct QuantumSlots {
    QuantumSlots(std::size_t vms, std::size_t vcpus, std::size_t pcpus)
        : limits(kPcpus + static_cast<Agenda::Slot>(pcpus)),
          vcpu_timers(limits + static_cast<Agenda::Slot>(vms)),
          vm_timers(vcpu_timers + static_cast<Agenda::Slot>(vcpus)),
          scheduler_timer(vm_timers + static_cast<Agenda::Slot>(vms)),
          count(scheduler_timer + 1) {}

    static constexpr Agenda::Slot kStart = 0;
    static constexpr Agenda::Slot kSample = 1;
    static constexpr Agenda::Slot kWarmup = 2;
    static constexpr Agenda::Slot kAccounting = 3;
    static constexpr Agenda::Slot kPcpus = 4;  // for each pCPU: its slice or its work ends

    Agenda::Slot limits;       // for each VM: it has used up its limit
    Agenda::Slot vcpu_timers;  // for each vCPU
    Agenda::Slot vm_timers;    // for each VM
    Agenda::Slot scheduler_timer;
    Agenda::Slot count;
};

// An agenda of these slots in two: the pCPUs', which change all the time, are a small tree.
class QuantumAgenda {
public:
    using Slot = Agenda::Slot;

    explicit QuantumAgenda(const QuantumSlots& slots)
        : others_(slots.limits), near_(others_), far_(slots.count - others_) {}

    Time time(Slot slot) const {
        return slot < others_ ? near_.time(slot) : far_.time(slot - others_);
    }
    void set(Slot slot, Time time) {
        if (slot < others_) {
            near_.set(slot, time);
        } else {
            far_.set(slot - others_, time);
        }
    }
    void clear(Slot slot) { set(slot, kNever); }

    Time next() const { return std::min(near_.next(), far_.next()); }
    Slot top() const {
        return near_.next() <= far_.next() ? near_.top().slot : far_.top().slot + others_;
    }

private:
    Slot others_;  // the first slot that isn't in near_
    Agenda near_;
    Agenda far_;
};

}  // namespace hvlab::sim
