// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/state_io.h"

namespace hvlab {

// One counter of an 8254 (Intel data sheet 231164) in its own time: CLK pulses since it was last
// told. No guest time and no interrupts here: it can be compared with the data sheet by the pulse.
//
// Where the data sheet leaves something open: at power-on the counter is in mode 0, without a
// count, and OUT is high; a count of 1 in modes 2 and 3, which is not allowed, leaves OUT high;
// digits above 9 of a BCD count stand for their value.
class PitCounter {
public:
    explicit PitCounter(bool gate) { state_.gate = gate; }

    // A control word's low six bits. Bits 5-4 are not 0: that would be the latch command.
    void write_control(std::uint8_t control);
    void latch_count();
    void latch_status();
    std::uint8_t read();
    void write(std::uint8_t value);

    void set_gate(bool level);
    bool gate() const { return state_.gate; }
    bool out() const { return state_.out; }

    // Lets CLK pulses pass. True if OUT rose in between, once or more.
    bool advance(std::uint64_t pulses);

    // The pulse at which OUT rises next if nothing is written: 1 is the next one.
    std::optional<std::uint64_t> pulses_to_rise() const;

    void reset(bool gate);
    void save(StateWriter& writer) const;
    // Throws StateError without effect on this counter.
    void load(StateReader& reader);

private:
    enum class Access : std::uint8_t { kLow = 1, kHigh = 2, kBoth = 3 };

    struct State {
        std::uint8_t control = 0x30;  // as written: access, mode, BCD
        bool gate = false;
        bool out = true;

        // The count register: what a load puts into the counting element, from 1 on.
        std::uint32_t count = 0;
        std::uint8_t low_byte = 0;    // of a two-byte write in progress
        bool high_byte_next = false;  // ... which waits for its second byte
        bool count_written = false;   // since the control word
        bool null_count = true;       // what was written last is not in the counting element yet
        bool load_at_next = false;    // the next CLK pulse loads: a count was written
        bool triggered = false;       // the next CLK pulse loads: GATE rose

        // The counting element.
        bool counting = false;
        std::uint32_t element = 0;  // 0 to modulus()
        std::uint32_t loaded = 0;   // the count that it was loaded with last
        bool expired = false;  // modes 0, 1, 4, 5: reached 0, and goes on without effect on OUT
        bool strobe = false;   // modes 4, 5: OUT is low until the next CLK pulse

        // Reading.
        bool read_high_next = false;
        bool count_latched = false;
        std::uint16_t latched_count = 0;
        bool status_latched = false;
        std::uint8_t latched_status = 0;
    };

    // 0-5; the data sheet's modes 6 and 7 are 2 and 3.
    unsigned mode() const;
    bool bcd() const { return (state_.control & 1) != 0; }
    Access access() const { return static_cast<Access>(state_.control >> 4 & 3); }
    std::uint32_t modulus() const { return bcd() ? 10'000 : 0x1'0000; }
    bool runs() const;
    bool periodic() const { return mode() == 2 || mode() == 3; }
    bool loads_at_next() const { return state_.load_at_next || state_.triggered; }

    std::uint32_t decode(std::uint16_t digits) const;
    std::uint16_t current() const;
    void set_count(std::uint16_t digits);

    std::optional<std::uint64_t> pulses_to_event() const;
    std::optional<std::uint32_t> period() const;
    void count_down(std::uint64_t pulses);
    void pulse();
    void load_element();
    void expire();
    bool consistent() const;

    State state_;
};

}  // namespace hvlab
