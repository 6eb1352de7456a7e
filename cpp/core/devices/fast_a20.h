// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/bus/interrupt_line.h"
#include "core/devices/byte_device.h"

namespace hvlab {

// Port 0x92, system control port A (IBM PS/2 hardware interface technical reference): bit 1 drives
// the A20 gate, bit 0 going high resets the CPU. The gate is one wire for this port and the
// keyboard controller: who writes last decides, and both read back what it is.
class FastA20 final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x92;
    static constexpr std::uint64_t kSize = 1;

    // Drives the wire high, the power-on state: A20 enabled.
    explicit FastA20(InterruptLine& a20);

    void on_reset(std::function<void()> callback) { reset_ = std::move(callback); }

    std::string_view name() const override { return "port92"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    InterruptLine& a20_;
    std::function<void()> reset_;
    std::uint8_t value_ = 0;  // all bits but the gate's
};

}  // namespace hvlab
