// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>

#include "core/bus/interrupt_line.h"
#include "core/bus/timeline.h"
#include "core/devices/byte_device.h"
#include "core/devices/pit_counter.h"

namespace hvlab {

// The 8254 interval timer of a PC: counter 0 drives IRQ 0, port 0x61 gates counter 2 (the speaker).
//
// The clock is 105/88 MHz (1.193181 MHz, a twelfth of the 14.318 MHz crystal): pulse n comes at
// n * 17600/21 ns of guest time, rounded up, for ever without drift. A timer event is made for
// rising edges of OUT 0 alone; everything else is worked out when somebody looks. The level of the
// IRQ 0 wire may therefore fall late, which an edge-triggered input does not notice.
class Pit final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x40;
    static constexpr std::uint64_t kSize = 4;
    static constexpr unsigned kIrq = 0;

    Pit(Timeline& timeline, InterruptLine& irq0);
    ~Pit() override;
    Pit(const Pit&) = delete;
    Pit& operator=(const Pit&) = delete;

    // Counter 2's GATE input and OUT output, for port 0x61.
    void set_gate2(bool level);
    bool gate2() const { return counters_[2].gate(); }
    bool out2();

    std::string_view name() const override { return "pit"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    void write_control(std::uint8_t value);
    void read_back(std::uint8_t value);
    void catch_up();
    void update();
    void arm_timer();

    Timeline& timeline_;
    InterruptLine& irq0_;
    Timeline::TimerId timer_;

    std::array<PitCounter, 3> counters_ = {PitCounter(true), PitCounter(true), PitCounter(false)};
    std::uint64_t pulse_ = 0;  // up to which the counters have been told
};

}  // namespace hvlab
