// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/base/random.h"
#include "core/bus/interrupt_line.h"
#include "core/bus/timeline.h"
#include "core/machine/external_device.h"

namespace hvlab {

// An external device in its place in a machine: what the bus calls, and what the device is handed.
// Its random stream and the level of its line are part of the machine's state.
class AttachedDevice final : public Device, private DeviceSurroundings {
public:
    // `line` may be null. `took_long` is called when calls to the device have taken some time since
    // the last such call: somebody may want to end the run. Resets the device: power-on.
    AttachedDevice(std::shared_ptr<ExternalDevice> device, Seed seed, const Timeline& timeline,
                   InterruptLine* line, std::function<void()> took_long);
    ~AttachedDevice() override { device_->attach(nullptr); }
    AttachedDevice(const AttachedDevice&) = delete;
    AttachedDevice& operator=(const AttachedDevice&) = delete;

    std::string_view name() const override { return device_->name(); }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    using Clock = std::chrono::steady_clock;
    class Timed;

    Nanoseconds now() const override { return timeline_.now(); }
    std::uint64_t random() override { return random_.next(); }
    void set_interrupt(bool level) override {
        if (line_ != nullptr) line_->set(level);
    }

    std::shared_ptr<ExternalDevice> device_;
    RandomStream random_;
    const Timeline& timeline_;
    InterruptLine* line_;
    std::function<void()> took_long_;
    Clock::duration spent_{};
};

}  // namespace hvlab
