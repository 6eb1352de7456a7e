// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/bus/device.h"

namespace hvlab {

// How a micro-guest speaks to its host (docs/design/micro-guests.md): two registers that are
// written with 32 bits; other sizes are ignored, and reads give 0.
//
//   0  the shim's: a report lies in memory, of this kind
//   4  the doorbell: any value
class MicroPorts final : public Device {
public:
    static constexpr std::uint64_t kPort = 0x520;
    static constexpr std::uint64_t kSize = 8;
    static constexpr std::uint64_t kReport = 0;
    static constexpr std::uint64_t kDoorbell = 4;

    using Callback = std::function<void(std::uint32_t)>;
    void on_report(Callback callback) { report_ = std::move(callback); }
    void on_doorbell(Callback callback) { doorbell_ = std::move(callback); }

    std::string_view name() const override { return "micro"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override {}
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    Callback report_;
    Callback doorbell_;
};

}  // namespace hvlab
