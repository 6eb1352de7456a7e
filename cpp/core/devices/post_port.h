// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/devices/byte_device.h"

namespace hvlab {

// Port 0x80: codes of the power-on self test. Operating systems write there to let time pass.
class PostPort final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x80;
    static constexpr std::uint64_t kSize = 1;
    static constexpr std::size_t kHistory = 16;

    // Called for each byte written.
    void on_write(std::function<void(std::uint8_t)> callback) { written_ = std::move(callback); }

    std::uint8_t last() const { return last_; }
    // The last values written, oldest first, at most kHistory.
    std::vector<std::uint8_t> history() const;

    std::string_view name() const override { return "post"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    std::function<void(std::uint8_t)> written_;
    std::uint8_t last_ = 0;
    std::array<std::uint8_t, kHistory> values_ = {};
    std::uint8_t next_ = 0;   // where the next value goes
    std::uint8_t count_ = 0;  // of values_ that hold something
};

}  // namespace hvlab
