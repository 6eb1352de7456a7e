// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/bus/interrupt_line.h"
#include "core/bus/timeline.h"
#include "core/devices/byte_device.h"

namespace hvlab {

// The MC146818A real-time clock with 114 bytes of CMOS RAM (Motorola data sheet ADI1027), at ports
// 0x70 (index, and the NMI mask in bit 7) and 0x71 (data); IRQ 8. Register 0x32 is the century, as
// on PCs.
//
// The clock starts at a given date and then follows guest time exactly: the first second is over
// one second after power-on. It is worked out when somebody looks; timer events are made only for
// interrupts that are enabled and not raised yet. Register contents that are no time of day (a
// guest can write anything) count as what they come to, an hour of 25 as one o'clock of the same
// day, at the next update. Daylight saving is not done and the clock runs only with the divider
// at 32.768 kHz (DV = 010), as on PIIX4.
class Rtc final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x70;
    static constexpr std::uint64_t kSize = 2;
    static constexpr unsigned kIrq = 8;
    static constexpr std::int64_t kDefaultStart = 1'577'836'800;  // 2020-01-01 00:00:00 UTC

    // `start`: what the clock shows at power-on, in seconds since 1970 (UTC), up to the end of the
    // year 9999; otherwise ConfigError (field "rtc").
    Rtc(Timeline& timeline, InterruptLine& irq8, std::int64_t start = kDefaultStart);
    ~Rtc() override;
    Rtc(const Rtc&) = delete;
    Rtc& operator=(const Rtc&) = delete;

    // The memory sizes that a BIOS leaves in CMOS RAM: bytes of RAM below 4 GiB, and from there on.
    void set_memory_size(std::uint64_t below_4gib, std::uint64_t above_4gib);

    bool nmi_masked() const { return (index_ & 0x80) != 0; }

    std::string_view name() const override { return "rtc"; }
    // The RESET pin: interrupts are off; the clock goes on and the RAM stays (there is a battery).
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    static constexpr std::size_t kRegisters = 128;

    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;
    std::uint8_t read_register(unsigned index);
    void write_register(unsigned index, std::uint8_t value);
    void write_a(std::uint8_t value);

    bool runs() const;
    bool updates() const;
    bool update_in_progress() const;
    std::int64_t seconds_at(Nanoseconds time) const;
    std::int64_t periods_at(Nanoseconds time) const;
    std::int64_t period_units() const;
    std::optional<Nanoseconds> next_interrupt() const;

    unsigned decode(std::uint8_t value) const;
    std::uint8_t encode(unsigned value) const;
    unsigned decode_hour(std::uint8_t value) const;
    std::uint8_t encode_hour(unsigned hour) const;
    std::int64_t second_of_day() const;
    void set_date(std::int64_t days, std::int64_t second_of_day);
    void add_seconds(std::int64_t seconds);
    std::optional<std::int64_t> seconds_to_alarm() const;

    void catch_up();
    void update();
    void arm_timer();

    Timeline& timeline_;
    InterruptLine& irq8_;
    Timeline::TimerId timer_;

    std::array<std::uint8_t, kRegisters> registers_ = {};
    std::uint8_t index_ = 0;
    Nanoseconds divider_start_ =
        0;  // when the divider chain stood at 0; a second ends each second after it
    Nanoseconds caught_up_ = 0;  // up to when registers_ is right
};

}  // namespace hvlab
