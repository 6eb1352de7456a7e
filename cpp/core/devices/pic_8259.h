// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/state_io.h"

namespace hvlab {

// One 8259A interrupt controller (Intel data sheet 231468), with the edge/level control register
// that PC chip sets add (Intel 82371AB PIIX4 s. 4.2.5). PicPair wires two of them together.
//
// An edge-triggered request stays latched until it is acknowledged, even if the wire goes low
// before: so do the controllers of other hypervisors, and a pulse on a wire is an interrupt. (The
// chip would drop the request, which then ends as a spurious IR7.) The cascade input alone follows
// its wire down, as on the chip: a slave that has nothing to deliver any more takes its request
// back. MCS-80 mode makes no sense on a PC: the vector is always the 8086's.
class Pic8259 {
public:
    // `cascade_inputs`: bit n is set if a slave's INT drives input n.
    explicit Pic8259(std::uint8_t cascade_inputs) : cascade_inputs_(cascade_inputs) {}

    // Power-on: no interrupts before the chip is initialised. The wires keep their levels.
    void reset();

    // `input` 0-7.
    void set_input(unsigned input, bool level);

    // A0 selects the register; guest-controlled. While polling() the next read acknowledges.
    bool polling() const { return state_.poll; }
    std::uint8_t read(bool a0);
    void write(bool a0, std::uint8_t value);
    std::uint8_t read_edge_level() const { return state_.edge_level; }
    void write_edge_level(std::uint8_t value);

    // The INT output.
    bool interrupt() const { return pending().has_value(); }

    // INTA: takes the request of the highest priority in service and returns its input; nothing if
    // there is none any more (spurious: the chip answers with input 7 and sets no in-service bit).
    std::optional<unsigned> acknowledge();
    std::uint8_t vector(unsigned input) const {
        return static_cast<std::uint8_t>(state_.vector_base | input);
    }
    // Whether ICW3 says that a slave answers for `input`.
    bool has_slave(unsigned input) const { return !single() && (state_.cascade >> input & 1) != 0; }
    // For a slave: whether it answers when the master puts `input` on the cascade lines.
    bool answers_to(unsigned input) const { return !single() && (state_.cascade & 0x07) == input; }

    void save(StateWriter& writer) const;
    // Throws StateError without effect on this chip.
    void load(StateReader& reader);
    std::uint8_t wires() const { return state_.wires; }

private:
    enum class Step : std::uint8_t { kPowerOn, kIcw2, kIcw3, kIcw4, kReady };

    struct State {
        std::uint8_t wires = 0;       // level of each input
        std::uint8_t latched = 0;     // edges seen and not yet acknowledged
        std::uint8_t in_service = 0;  // ISR
        std::uint8_t mask = 0;        // IMR
        std::uint8_t edge_level = 0;  // ELCR; a set bit: level-triggered
        std::uint8_t lowest = 7;      // the input of lowest priority
        Step step = Step::kPowerOn;
        std::uint8_t icw1 = 0;
        std::uint8_t vector_base = 0;
        std::uint8_t cascade = 0;  // ICW3
        std::uint8_t icw4 = 0;
        bool rotate_on_auto_eoi = false;
        bool special_mask = false;
        bool read_in_service = false;
        bool poll = false;
    };

    bool single() const { return (state_.icw1 & 0x02) != 0; }
    bool auto_eoi() const { return (state_.icw4 & 0x02) != 0; }
    bool special_fully_nested() const { return (state_.icw4 & 0x10) != 0; }
    std::uint8_t level_inputs() const;
    std::uint8_t requests() const;  // IRR
    std::optional<unsigned> pending() const;
    std::optional<unsigned> highest(std::uint8_t inputs) const;

    void write_icw1(std::uint8_t value);
    void write_initialisation(std::uint8_t value);
    void write_ocw2(std::uint8_t value);
    void write_ocw3(std::uint8_t value);
    void end_of_interrupt(std::optional<unsigned> input, bool rotate);

    std::uint8_t cascade_inputs_;
    State state_;
};

}  // namespace hvlab
