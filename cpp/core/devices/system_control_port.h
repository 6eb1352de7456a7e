// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/bus/timeline.h"
#include "core/devices/byte_device.h"
#include "core/devices/pit.h"

namespace hvlab {

// Port 0x61, NMI status and control (Intel 82371AB PIIX4 s. 4.2.7): bit 0 gates PIT counter 2, bit
// 1 the speaker, bits 2 and 3 are kept; bit 4 toggles with the DRAM refresh, bit 5 shows OUT 2.
// There are no NMI sources.
class SystemControlPort final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x61;
    static constexpr std::uint64_t kSize = 1;

    SystemControlPort(Timeline& timeline, Pit& pit);

    std::string_view name() const override { return "port61"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    Timeline& timeline_;
    Pit& pit_;
    std::uint8_t control_ = 0;
};

}  // namespace hvlab
