// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pit_counter.h"

namespace hvlab {

unsigned PitCounter::mode() const {
    const unsigned mode = state_.control >> 1 & 7;
    return mode >= 6 ? mode - 4 : mode;
}

void PitCounter::reset(bool gate) {
    state_ = {};
    state_.gate = gate;
}

// Programming begins anew: whatever was latched, half written or half read is void.
void PitCounter::write_control(std::uint8_t control) {
    const State before = state_;
    reset(before.gate);
    state_.control = control & 0x3F;
    state_.element = before.element % modulus();
    state_.out = mode() != 0;
}

void PitCounter::latch_count() {
    if (state_.count_latched) return;
    state_.count_latched = true;
    state_.latched_count = current();
}

void PitCounter::latch_status() {
    if (state_.status_latched) return;
    state_.status_latched = true;
    state_.latched_status = static_cast<std::uint8_t>(
        (state_.out ? 0x80 : 0) | (state_.null_count ? 0x40 : 0) | state_.control);
}

std::uint8_t PitCounter::read() {
    if (state_.status_latched) {
        state_.status_latched = false;
        return state_.latched_status;
    }
    const std::uint16_t value = state_.count_latched ? state_.latched_count : current();
    const bool high = access() == Access::kHigh || state_.read_high_next;
    if (access() == Access::kBoth) state_.read_high_next = !high;
    if (access() != Access::kBoth || high) state_.count_latched = false;
    return static_cast<std::uint8_t>(high ? value >> 8 : value);
}

void PitCounter::write(std::uint8_t value) {
    switch (access()) {
        case Access::kLow:
            set_count(value);
            return;
        case Access::kHigh:
            set_count(static_cast<std::uint16_t>(value << 8));
            return;
        case Access::kBoth:
            break;
    }
    if (state_.high_byte_next) {
        state_.high_byte_next = false;
        set_count(static_cast<std::uint16_t>(value << 8 | state_.low_byte));
        return;
    }
    state_.high_byte_next = true;
    state_.low_byte = value;
    if (mode() == 0) {  // the first byte stops the counter and takes OUT low at once
        state_.counting = false;
        state_.load_at_next = false;
        state_.out = false;
    }
}

std::uint32_t PitCounter::decode(std::uint16_t digits) const {
    if (digits == 0) return modulus();
    if (!bcd()) return digits;
    return (digits >> 12) * 1000u + (digits >> 8 & 15) * 100u + (digits >> 4 & 15) * 10u +
           (digits & 15u);
}

std::uint16_t PitCounter::current() const {
    const std::uint32_t value = state_.element % modulus();
    if (!bcd()) return static_cast<std::uint16_t>(value);
    return static_cast<std::uint16_t>(value / 1000 << 12 | value / 100 % 10 << 8 |
                                      value / 10 % 10 << 4 | value % 10);
}

void PitCounter::set_count(std::uint16_t digits) {
    state_.count = decode(digits);
    state_.count_written = true;
    state_.null_count = true;
    switch (mode()) {
        case 0:
            state_.out = false;
            state_.load_at_next = true;
            break;
        case 4:
            state_.load_at_next = true;
            break;
        case 2:
        case 3:  // while counting, the new count waits for the end of the period
            if (!state_.counting) state_.load_at_next = true;
            break;
        default:  // 1 and 5 wait for a trigger
            break;
    }
}

void PitCounter::set_gate(bool level) {
    if (level == state_.gate) return;
    state_.gate = level;
    const bool edge_sensitive = periodic() ? state_.counting : mode() == 1 || mode() == 5;
    if (level && edge_sensitive && state_.count_written) state_.triggered = true;
    if (!level && periodic()) state_.out = true;
}

// Whether CLK pulses decrement the counting element; in modes 1 and 5 GATE only triggers.
bool PitCounter::runs() const {
    return state_.counting && (state_.gate || mode() == 1 || mode() == 5);
}

// The next pulse that does more than decrement.
std::optional<std::uint64_t> PitCounter::pulses_to_event() const {
    if (loads_at_next() || state_.strobe) return 1;
    if (!runs()) return std::nullopt;
    switch (mode()) {
        case 2:
            return state_.element <= 1 ? 1 : state_.element - 1;
        case 3: {
            // Odd counts take one pulse more while OUT is high.
            const bool extra = state_.out && (state_.loaded & 1) != 0;
            return state_.element / 2 + (extra ? 1 : 0);
        }
        default:
            if (state_.expired) return std::nullopt;
            return state_.element;
    }
}

// What a steady counter repeats itself after.
std::optional<std::uint32_t> PitCounter::period() const {
    if (!periodic() || !runs() || loads_at_next() || state_.null_count) return std::nullopt;
    return state_.loaded;
}

void PitCounter::count_down(std::uint64_t pulses) {
    if (!runs() || pulses == 0) return;
    if (mode() == 3) {
        state_.element -= static_cast<std::uint32_t>(2 * pulses);
    } else if (state_.expired) {
        const auto step = static_cast<std::uint32_t>(pulses % modulus());
        state_.element = (state_.element + modulus() - step) % modulus();
    } else {
        state_.element -= static_cast<std::uint32_t>(pulses);
    }
}

void PitCounter::load_element() {
    state_.loaded = state_.count;
    state_.element = mode() == 3 ? state_.count & ~1u : state_.count;
    state_.null_count = false;
    state_.counting = true;
    state_.expired = false;
}

void PitCounter::expire() {
    state_.expired = true;
    state_.out = mode() < 2;
    state_.strobe = mode() >= 4;
}

// One CLK pulse at which something happens.
void PitCounter::pulse() {
    if (state_.strobe) {
        state_.strobe = false;
        state_.out = true;
    }
    if (loads_at_next()) {
        state_.load_at_next = state_.triggered = false;
        load_element();
        if (mode() == 1) state_.out = false;
        if (periodic()) state_.out = true;
        return;
    }
    if (!runs()) return;
    switch (mode()) {
        case 2:
            if (state_.element <= 1) {
                load_element();
                state_.out = true;
            } else {
                count_down(1);
                if (state_.element == 1) state_.out = false;
            }
            break;
        case 3: {
            const bool extra = state_.out && (state_.loaded & 1) != 0;
            if (state_.element > (extra ? 0 : 2)) {
                count_down(1);
                break;
            }
            load_element();
            state_.out = state_.loaded == 1 || !state_.out;
            break;
        }
        default:
            count_down(1);
            if (!state_.expired && state_.element == 0) expire();
            break;
    }
}

bool PitCounter::advance(std::uint64_t pulses) {
    bool rose = false;
    while (pulses > 0) {
        if (const std::optional<std::uint32_t> steady = period()) {
            rose |= *steady > 1 && pulses >= *steady;
            pulses %= *steady;
            if (pulses == 0) break;
        }
        const std::optional<std::uint64_t> event = pulses_to_event();
        if (!event || *event > pulses) {
            count_down(pulses);
            break;
        }
        count_down(*event - 1);
        const bool before = state_.out;
        pulse();
        rose |= !before && state_.out;
        pulses -= *event;
    }
    return rose;
}

std::optional<std::uint64_t> PitCounter::pulses_to_rise() const {
    PitCounter ahead = *this;
    std::uint64_t pulses = 0;
    // The longest way to a rising edge: the end of the period, a load, OUT low, OUT high.
    for (int events = 0; events < 6; ++events) {
        const std::optional<std::uint64_t> event = ahead.pulses_to_event();
        if (!event) return std::nullopt;
        ahead.count_down(*event - 1);
        const bool before = ahead.state_.out;
        ahead.pulse();
        pulses += *event;
        if (!before && ahead.state_.out) return pulses;
    }
    return std::nullopt;
}

void PitCounter::save(StateWriter& writer) const {
    writer.put(state_.control);
    writer.put(state_.gate);
    writer.put(state_.out);
    writer.put(state_.count);
    writer.put(state_.low_byte);
    writer.put(state_.high_byte_next);
    writer.put(state_.count_written);
    writer.put(state_.null_count);
    writer.put(state_.load_at_next);
    writer.put(state_.triggered);
    writer.put(state_.counting);
    writer.put(state_.element);
    writer.put(state_.loaded);
    writer.put(state_.expired);
    writer.put(state_.strobe);
    writer.put(state_.read_high_next);
    writer.put(state_.count_latched);
    writer.put(state_.latched_count);
    writer.put(state_.status_latched);
    writer.put(state_.latched_status);
}

// What the arithmetic above relies on, and a state from elsewhere may not have.
bool PitCounter::consistent() const {
    const bool will_load = state_.load_at_next || state_.triggered || state_.counting;
    if (will_load && state_.count == 0) return false;
    if (!state_.counting) return true;
    if (state_.loaded == 0 || (!state_.null_count && state_.loaded != state_.count)) return false;
    if (mode() == 3) {
        const bool last = state_.out && (state_.loaded & 1) != 0;
        return state_.element % 2 == 0 && (state_.element > 0 || last || !state_.gate);
    }
    return mode() == 2 ? state_.element > 0 : state_.expired || state_.element > 0;
}

void PitCounter::load(StateReader& reader) {
    constexpr std::uint32_t kMaxCount = 0x1'0000;
    PitCounter loaded(false);
    State& state = loaded.state_;
    state.control = reader.get_in<std::uint8_t>(0x10, 0x3F, "counter control word");
    state.gate = reader.get_bool();
    state.out = reader.get_bool();
    state.count = reader.get_in<std::uint32_t>(0, kMaxCount, "count");
    state.low_byte = reader.get<std::uint8_t>();
    state.high_byte_next = reader.get_bool();
    state.count_written = reader.get_bool();
    state.null_count = reader.get_bool();
    state.load_at_next = reader.get_bool();
    state.triggered = reader.get_bool();
    state.counting = reader.get_bool();
    state.element = reader.get_in<std::uint32_t>(0, kMaxCount, "counting element");
    state.loaded = reader.get_in<std::uint32_t>(0, kMaxCount, "loaded count");
    state.expired = reader.get_bool();
    state.strobe = reader.get_bool();
    state.read_high_next = reader.get_bool();
    state.count_latched = reader.get_bool();
    state.latched_count = reader.get<std::uint16_t>();
    state.status_latched = reader.get_bool();
    state.latched_status = reader.get<std::uint8_t>();
    if (!loaded.consistent()) throw StateError("saved state: the fields of a counter contradict");
    state_ = state;
}

}  // namespace hvlab
