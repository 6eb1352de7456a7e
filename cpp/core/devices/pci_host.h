// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/bus/device.h"
#include "core/devices/reset_port.h"

namespace hvlab {

// The configuration ports of a PCI bus (PCI 2.1 s. 3.7.4.1) with what SeaBIOS looks for:
//
//   00:00.0  an Intel 82441FX host bridge (290549 s. 3.2) with the subsystem that QEMU gives it:
//   SeaBIOS
//            asks for that before it looks for fw_cfg. The registers for shadow RAM keep what is
//            written and change nothing: the end of the first MiB is RAM all the time.
//   00:01.0  where there are disks, an IDE controller in compatibility mode (PCI IDE
//   Controller 1.0):
//            the ATA channel at its old ports, without bus mastering. A PC with PCI is not searched
//            for disks that PCI does not tell of.
//
// Takes the place of the reset port, which lies between its ports, and passes on what is its.
class PciHost final : public Device {
public:
    static constexpr std::uint64_t kPort = 0xCF8;
    static constexpr std::uint64_t kSize = 8;

    PciHost(ResetPort& reset_port, bool has_disks);

    std::string_view name() const override { return "pci-host"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    using Configuration = std::array<std::uint8_t, 256>;

    std::uint8_t read_register(std::uint64_t offset) const;
    void write_register(std::uint64_t offset, std::uint8_t value);

    ResetPort& reset_port_;
    bool has_disks_;
    std::uint32_t address_ = 0;
    Configuration bridge_{};
};

}  // namespace hvlab
