// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pci_host.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kData = 4;  // offset of the data port
constexpr std::uint32_t kEnabled = 0x8000'0000;
constexpr std::uint32_t kAddressBits = 0x80FF'FFFC;
constexpr std::uint32_t kFunctionBits = 0x00FF'FF00;  // bus, device, function
constexpr std::uint32_t kHostBridge = 0x0000'0000;
constexpr std::uint32_t kIde = 0x0000'0800;  // device 1

// The registers that can be written: PAM0-PAM6, and SMRAM.
constexpr std::size_t kFirstPam = 0x59;
constexpr std::size_t kLastPam = 0x5F;
constexpr std::size_t kSmram = 0x72;

bool writable(std::size_t index) {
    return (index >= kFirstPam && index <= kLastPam) || index == kSmram;
}

using Configuration = std::array<std::uint8_t, 256>;

// Type 0 header: what all functions have (PCI 2.1 s. 6.1).
Configuration function(unsigned vendor, unsigned device, unsigned class_code) {
    Configuration space{};
    const auto put = [&](std::size_t index, unsigned value) {
        space[index] = static_cast<std::uint8_t>(value);
        space[index + 1] = static_cast<std::uint8_t>(value >> 8);
    };
    put(0x00, vendor);
    put(0x02, device);
    put(0x04, 0x0003);  // answers to ports and memory
    put(0x0A, class_code);
    put(0x2C, 0x1AF4);  // Red Hat
    put(0x2E, 0x1100);  // a virtual machine of QEMU's kind
    return space;
}

Configuration host_bridge() {
    Configuration space = function(0x8086, 0x1237, 0x0600);
    space[kSmram] = 0x02;
    return space;
}

Configuration ide_controller() {
    return function(0x8086, 0x7010, 0x0101);  // interface 0: both channels in compatibility mode
}

}  // namespace

PciHost::PciHost(ResetPort& reset_port, bool has_disks)
    : reset_port_(reset_port), has_disks_(has_disks) {
    reset();
}

void PciHost::reset() {
    address_ = 0;
    bridge_ = host_bridge();
}

std::uint8_t PciHost::read_register(std::uint64_t offset) const {
    static const Configuration kIdeController = ide_controller();
    const std::size_t index = (address_ & 0xFC) | (offset - kData);
    if ((address_ & kEnabled) == 0) return 0xFF;
    switch (address_ & kFunctionBits) {
        case kHostBridge:
            return bridge_[index];
        case kIde:
            return has_disks_ ? kIdeController[index] : std::uint8_t{0xFF};
        default:
            return 0xFF;
    }
}

void PciHost::write_register(std::uint64_t offset, std::uint8_t value) {
    const std::size_t index = (address_ & 0xFC) | (offset - kData);
    const bool bridge = (address_ & (kEnabled | kFunctionBits)) == (kEnabled | kHostBridge);
    if (bridge && writable(index)) bridge_[index] = value;
}

std::uint64_t PciHost::read(std::uint64_t offset, unsigned size) {
    if (offset == 0 && size == 4) return address_;
    if (offset < kData && offset + size <= kData) return reset_port_.read(offset, size);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const std::uint8_t byte =
            offset + i < kData ? std::uint8_t{0xFF} : read_register(offset + i);
        value |= std::uint64_t{byte} << (8 * i);
    }
    return value;
}

void PciHost::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (offset == 0 && size == 4) {
        address_ = static_cast<std::uint32_t>(value) & kAddressBits;
        return;
    }
    if (offset < kData) return reset_port_.write(offset, size, value);
    for (unsigned i = 0; i < size; ++i) {
        write_register(offset + i, static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

void PciHost::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(address_);
    for (std::size_t i = 0; i < bridge_.size(); ++i) {
        if (writable(i)) writer.put(bridge_[i]);
    }
}

void PciHost::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const std::uint32_t address = reader.get<std::uint32_t>() & kAddressBits;
    Configuration bridge = host_bridge();
    for (std::size_t i = 0; i < bridge.size(); ++i) {
        if (writable(i)) bridge[i] = reader.get<std::uint8_t>();
    }
    address_ = address;
    bridge_ = bridge;
}

}  // namespace hvlab
