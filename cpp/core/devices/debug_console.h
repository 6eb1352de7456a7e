// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/devices/byte_device.h"

namespace hvlab {

// Port 0xE9: each byte written goes to a callback. Reads give 0xE9, by which a guest knows that it
// is there (Bochs and QEMU, isa-debugcon).
class DebugConsole final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0xE9;
    static constexpr std::uint64_t kSize = 1;

    void on_write(std::function<void(std::uint8_t)> callback) { written_ = std::move(callback); }

    std::string_view name() const override { return "debugcon"; }
    void reset() override {}
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t) override { return 0xE9; }
    void write_byte(std::uint64_t, std::uint8_t value) override {
        if (written_) written_(value);
    }

    std::function<void(std::uint8_t)> written_;
};

}  // namespace hvlab
