// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine's guest time: what it is made of, and how the vCPU comes back in time for what is due.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/bus/timeline.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab {

// Used by the thread that runs the machine; wake() alone is for any thread.
class GuestClock : public Timeline::Source {
public:
    // What a slice, one run of the vCPU, may take.
    struct Limits {
        std::optional<Nanoseconds> until = {};           // guest time, absolute
        std::optional<std::uint64_t> instructions = {};  // retired instructions, absolute
        std::uint64_t slice = Budget::kUnlimited;        // instructions from now
    };

    // Retired instructions where the vCPU counts them, else the host's clock. Throws BackendError
    // where the vCPU has neither InstructionCounter nor HostTimer.
    static std::unique_ptr<GuestClock> of(Vcpu& vcpu, const Timeline& timeline, Nanoseconds start,
                                          std::string_view backend);

    // Nothing where they are not counted.
    virtual std::optional<std::uint64_t> instructions() const = 0;

    // Around a run of the machine.
    virtual void resume() = 0;
    virtual void pause() = 0;

    // Around each run of the vCPU: what it may take, and that it is over.
    virtual Budget begin_slice(const Limits& limits) = 0;
    virtual void end_slice() = 0;

    // The guest is halted and nothing is due before that time. May come back earlier.
    virtual void idle_until(Nanoseconds when) = 0;
    // Any thread: idle_until, in progress or else the next, comes back at once.
    virtual void wake() = 0;

    // Has enough host time passed for a look at signals and the like? Asking begins a new period.
    virtual bool poll_due() = 0;
    // More host time has passed than the clock knows of: the next poll is due.
    virtual void poll_soon() = 0;

    // For notes of when something happened, which must cost next to nothing: a number that grows
    // with guest time while the machine runs. After pause() and before the next resume(), the guest
    // time of the stamps that were taken in between.
    virtual std::uint64_t stamp() const = 0;
    virtual Nanoseconds time_of(std::uint64_t stamp) const = 0;

    // A state was loaded: it is `now`, after that many instructions.
    virtual void set(Nanoseconds now, std::uint64_t instructions) = 0;
};

}  // namespace hvlab
