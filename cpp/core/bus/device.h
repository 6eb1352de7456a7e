// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/state_io.h"

namespace hvlab {

// A device as the bus sees it. One instance serves one or more ranges; the machine gives the
// ranges, the device sees offsets into them. All calls come from the machine's thread, while guest
// time stands at the instruction that makes the access.
class Device {
public:
    virtual ~Device() = default;

    // A short stable name, unique within a machine ("uart0"): it names the device in snapshots and
    // messages.
    virtual std::string_view name() const = 0;

    // `offset` is relative to the start of the range; size is 1, 2, 4 or 8 and the access lies
    // within the range. Both are guest-controlled. Reads return the value zero-extended.
    virtual std::uint64_t read(std::uint64_t offset, unsigned size) = 0;
    virtual void write(std::uint64_t offset, unsigned size, std::uint64_t value) = 0;

    // Power-on state. Timers that the device had armed are gone.
    virtual void reset() = 0;

    // The whole state, versioned by the writer's tag. load() refuses (throws StateError) what it
    // does not understand and leaves the device as it was in that case.
    virtual void save(StateWriter& writer) const = 0;
    virtual void load(StateReader& reader) = 0;
};

}  // namespace hvlab
