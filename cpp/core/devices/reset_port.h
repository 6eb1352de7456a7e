// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/bus/device.h"

namespace hvlab {

// The reset control register at port 0xCF9 (Intel 82371AB PIIX4 s. 4.2.8): bit 2 going high resets,
// hard if bit 1 is set. It shares its address with the PCI configuration address port, a 32-bit
// register at 0xCF8, and answers byte accesses only; so the device takes all four ports, and the
// others read all ones.
class ResetPort final : public Device {
public:
    static constexpr std::uint64_t kPort = 0xCF8;
    static constexpr std::uint64_t kSize = 4;

    void on_reset(std::function<void(bool hard)> callback) { reset_ = std::move(callback); }

    std::string_view name() const override { return "reset-port"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override { control_ = 0; }
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::function<void(bool)> reset_;
    std::uint8_t control_ = 0;
};

}  // namespace hvlab
