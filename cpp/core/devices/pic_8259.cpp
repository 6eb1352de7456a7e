// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pic_8259.h"

#include <bit>

namespace hvlab {

namespace {

constexpr std::uint8_t bit(unsigned input) {
    return static_cast<std::uint8_t>(1u << input);
}

}  // namespace

void Pic8259::reset() {
    const std::uint8_t wires = state_.wires;
    state_ = {};
    state_.wires = wires;
}

std::uint8_t Pic8259::level_inputs() const {
    const bool level_triggered = (state_.icw1 & 0x08) != 0;  // LTIM
    return level_triggered ? std::uint8_t{0xFF} : state_.edge_level;
}

std::uint8_t Pic8259::requests() const {
    const std::uint8_t level = level_inputs();
    return static_cast<std::uint8_t>((state_.latched & ~level) | (state_.wires & level));
}

void Pic8259::set_input(unsigned input, bool level) {
    const bool before = (state_.wires & bit(input)) != 0;
    if (level == before) return;
    state_.wires ^= bit(input);
    if (level) {
        state_.latched |= static_cast<std::uint8_t>(bit(input) & ~level_inputs());
    } else {
        state_.latched &= static_cast<std::uint8_t>(~(bit(input) & cascade_inputs_));
    }
}

// A changed input needs a new edge, and forgets the old one.
void Pic8259::write_edge_level(std::uint8_t value) {
    const std::uint8_t before = level_inputs();
    state_.edge_level = value;
    state_.latched &= static_cast<std::uint8_t>(~(before ^ level_inputs()));
}

std::optional<unsigned> Pic8259::highest(std::uint8_t inputs) const {
    if (inputs == 0) return std::nullopt;
    const unsigned first = state_.lowest + 1u;  // the input of highest priority, modulo 8
    const std::uint8_t ordered = std::rotr(inputs, static_cast<int>(first & 7));
    return (first + static_cast<unsigned>(std::countr_zero(ordered))) & 7;
}

// The request that would be acknowledged now: one that is not masked, of a higher priority than
// what is in service. Special mask mode lets a masked level block nobody; the special fully nested
// mode lets a slave in service ask again.
std::optional<unsigned> Pic8259::pending() const {
    if (state_.step != Step::kReady) return std::nullopt;
    const auto wanted = static_cast<std::uint8_t>(requests() & ~state_.mask);
    std::uint8_t blocking = state_.in_service;
    if (state_.special_mask) blocking &= static_cast<std::uint8_t>(~state_.mask);
    if (special_fully_nested() && !single()) {
        blocking &= static_cast<std::uint8_t>(~(cascade_inputs_ & state_.cascade));
    }
    const std::optional<unsigned> best = highest(wanted | blocking);
    if (!best || (blocking & bit(*best)) != 0) return std::nullopt;
    return best;
}

std::optional<unsigned> Pic8259::acknowledge() {
    const std::optional<unsigned> input = pending();
    if (!input) return std::nullopt;
    state_.latched &= static_cast<std::uint8_t>(~bit(*input));
    if (!auto_eoi()) {
        state_.in_service |= bit(*input);
    } else if (state_.rotate_on_auto_eoi) {
        state_.lowest = static_cast<std::uint8_t>(*input);
    }
    return input;
}

std::uint8_t Pic8259::read(bool a0) {
    if (state_.poll) {  // the poll word; the read stands for INTA
        state_.poll = false;
        const std::optional<unsigned> input = acknowledge();
        return input ? static_cast<std::uint8_t>(0x80 | *input) : std::uint8_t{0};
    }
    if (a0) return state_.mask;
    return state_.read_in_service ? state_.in_service : requests();
}

void Pic8259::write(bool a0, std::uint8_t value) {
    if (a0) {
        if (state_.step == Step::kPowerOn || state_.step == Step::kReady) {
            state_.mask = value;  // OCW1
        } else {
            write_initialisation(value);
        }
    } else if ((value & 0x10) != 0) {
        write_icw1(value);
    } else if ((value & 0x08) != 0) {
        write_ocw3(value);
    } else {
        write_ocw2(value);
    }
}

// Begins the initialisation: edges are forgotten, IMR is cleared, input 7 has the lowest priority,
// the slave's address is 7, special mask mode is off, reads give IRR (data sheet, "Initialization
// command words 1 and 2").
void Pic8259::write_icw1(std::uint8_t value) {
    const State before = state_;
    reset();
    state_.edge_level = before.edge_level;
    state_.icw1 = value;
    state_.vector_base = before.vector_base;
    state_.cascade = cascade_inputs_ == 0 ? 7 : 0;
    state_.step = Step::kIcw2;
}

void Pic8259::write_initialisation(std::uint8_t value) {
    const Step last = (state_.icw1 & 0x01) != 0 ? Step::kIcw4 : Step::kReady;
    switch (state_.step) {
        case Step::kIcw2:
            state_.vector_base = value & 0xF8;
            state_.step = single() ? last : Step::kIcw3;
            break;
        case Step::kIcw3:
            state_.cascade = value;
            state_.step = last;
            break;
        default:
            state_.icw4 = value;
            state_.step = Step::kReady;
            break;
    }
}

void Pic8259::end_of_interrupt(std::optional<unsigned> input, bool rotate) {
    if (!input) return;
    state_.in_service &= static_cast<std::uint8_t>(~bit(*input));
    if (rotate) state_.lowest = static_cast<std::uint8_t>(*input);
}

void Pic8259::write_ocw2(std::uint8_t value) {
    const unsigned input = value & 0x07;
    switch (value >> 5) {
        case 0b000:
        case 0b100:
            state_.rotate_on_auto_eoi = (value & 0x80) != 0;
            break;
        case 0b001:
        case 0b101: {
            // Non-specific: the highest in service. In special mask mode masked ones are not ended.
            std::uint8_t ends = state_.in_service;
            if (state_.special_mask) ends &= static_cast<std::uint8_t>(~state_.mask);
            end_of_interrupt(highest(ends), (value & 0x80) != 0);
            break;
        }
        case 0b011:
        case 0b111:
            end_of_interrupt(input, (value & 0x80) != 0);
            break;
        case 0b110:
            state_.lowest = static_cast<std::uint8_t>(input);
            break;
        default:  // 010: no operation
            break;
    }
}

void Pic8259::write_ocw3(std::uint8_t value) {
    if ((value & 0x40) != 0) state_.special_mask = (value & 0x20) != 0;
    if ((value & 0x04) != 0) {
        state_.poll = true;  // takes precedence over a register to read
    } else if ((value & 0x02) != 0) {
        state_.read_in_service = (value & 0x01) != 0;
    }
}

void Pic8259::save(StateWriter& writer) const {
    writer.put(state_.wires);
    writer.put(state_.latched);
    writer.put(state_.in_service);
    writer.put(state_.mask);
    writer.put(state_.edge_level);
    writer.put(state_.lowest);
    writer.put(state_.step);
    writer.put(state_.icw1);
    writer.put(state_.vector_base);
    writer.put(state_.cascade);
    writer.put(state_.icw4);
    writer.put(state_.rotate_on_auto_eoi);
    writer.put(state_.special_mask);
    writer.put(state_.read_in_service);
    writer.put(state_.poll);
}

void Pic8259::load(StateReader& reader) {
    State state;
    state.wires = reader.get<std::uint8_t>();
    state.latched = reader.get<std::uint8_t>();
    state.in_service = reader.get<std::uint8_t>();
    state.mask = reader.get<std::uint8_t>();
    state.edge_level = reader.get<std::uint8_t>();
    state.lowest = reader.get_in<std::uint8_t>(0, 7, "lowest priority");
    constexpr auto kLast = static_cast<std::uint8_t>(Step::kReady);
    state.step = static_cast<Step>(reader.get_in<std::uint8_t>(0, kLast, "initialisation step"));
    state.icw1 = reader.get<std::uint8_t>();
    state.vector_base = reader.get<std::uint8_t>() & 0xF8;
    state.cascade = reader.get<std::uint8_t>();
    state.icw4 = reader.get<std::uint8_t>();
    state.rotate_on_auto_eoi = reader.get_bool();
    state.special_mask = reader.get_bool();
    state.read_in_service = reader.get_bool();
    state.poll = reader.get_bool();
    state_ = state;
}

}  // namespace hvlab
