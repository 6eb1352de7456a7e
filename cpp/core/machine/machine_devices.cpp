// SPDX-License-Identifier: GPL-2.0-or-later
//
// Devices that were made outside of the machine, put into their places.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/machine/attached_device.h"
#include "core/machine/machine.h"

namespace hvlab {

namespace {

constexpr std::uint64_t kPorts = 0x10000;

void check_range(const GuestMemory& memory, std::string_view device, const DeviceRange& range) {
    const auto refuse = [&](const std::string& why) {
        throw ConfigError(std::string(device),
                          fmt::format("{:#x} bytes at {:#x}: {}", range.size, range.start, why));
    };
    if (range.space == DeviceRange::Space::kPorts) {
        if (range.start >= kPorts || range.size > kPorts - range.start) {
            refuse("ports are 0 to 0xffff");
        }
        return;
    }
    for (const GuestMemory::Region& ram : memory.regions()) {
        // What the guest writes to RAM, no device is told.
        if (range.start < ram.address + ram.size &&
            ram.address - std::min(ram.address, range.start) < range.size) {
            refuse(fmt::format("there is RAM from {:#x} to {:#x}", ram.address,
                               ram.address + ram.size - 1));
        }
    }
}

}  // namespace

void Machine::attach_devices() {
    for (const ExternalDeviceConfig& config : config_.devices) {
        const std::string_view name = config.device->name();
        const bool taken = std::ranges::any_of(
            platform_->devices(), [&](const Device* other) { return other->name() == name; });
        if (taken) {
            throw ConfigError("devices", fmt::format("there is already a device '{}'", name));
        }
        for (const DeviceRange& range : config.ranges) check_range(memory_, name, range);
        InterruptLine* const line = config.irq ? &platform_->free_input(*config.irq) : nullptr;
        attached_.push_back(std::make_unique<AttachedDevice>(
            config.device, config_.seed.child("device").child(name), timeline_, line, [this] {
                clock_->poll_soon();
                if (in_vcpu_) vcpu_->request_stop();
            }));
        platform_->add(*attached_.back(), config.ranges);
    }
}

}  // namespace hvlab
