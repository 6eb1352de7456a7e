// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "sim/engine/agenda.h"

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

}  // namespace hvlab::sim
