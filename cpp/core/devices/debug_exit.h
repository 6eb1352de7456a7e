// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/bus/device.h"

namespace hvlab {

// The ISA debug-exit port: writing v, of 1, 2 or 4 bytes, anywhere in the range ends the run with
// code v (QEMU's isa-debug-exit, whose process exit status would be v << 1 | 1).
class DebugExit final : public Device {
public:
    static constexpr std::uint64_t kPort = 0xF4;
    static constexpr std::uint64_t kSize = 4;

    void on_exit(std::function<void(std::uint32_t)> callback) { exited_ = std::move(callback); }

    std::string_view name() const override { return "debug-exit"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override {}
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::function<void(std::uint32_t)> exited_;
};

}  // namespace hvlab
