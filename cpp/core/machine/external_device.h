// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/units.h"
#include "core/bus/device.h"

namespace hvlab {

// What a machine hands to a device that was made outside of it.
class DeviceSurroundings {
public:
    virtual ~DeviceSurroundings() = default;

    // Guest time, of the instruction that makes the access.
    virtual Nanoseconds now() const = 0;
    // 64 bits of the device's own stream, from the machine's seed and the device's name.
    virtual std::uint64_t random() = 0;
    // The level of its interrupt line; nothing where it was given none.
    virtual void set_interrupt(bool level) = 0;
};

// A device that was not made by the machine: one written in Python. Its calls may throw anything,
// and may take long.
class ExternalDevice : public Device {
public:
    // It is now part of a machine; null: of none any more. Throws ConfigError if it is part of one.
    virtual void attach(DeviceSurroundings* surroundings) = 0;
};

// Where the guest finds a device.
struct DeviceRange {
    enum class Space : std::uint8_t { kPorts, kMemory };

    Space space = Space::kPorts;
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    std::uint64_t first_offset = 0;  // what the device sees for `start`
};

// An external device as a machine is to have it.
struct ExternalDeviceConfig {
    std::shared_ptr<ExternalDevice> device;
    std::vector<DeviceRange> ranges = {};
    std::optional<unsigned> irq = {};  // the input of the interrupt controllers that it drives
};

}  // namespace hvlab
