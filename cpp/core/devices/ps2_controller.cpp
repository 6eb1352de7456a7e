// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ps2_controller.h"

#include <algorithm>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

// Status register
constexpr std::uint8_t kOutputFull = 0x01;
constexpr std::uint8_t kSystemFlag = 0x04;
constexpr std::uint8_t kLastWasCommand = 0x08;
constexpr std::uint8_t kNotInhibited = 0x10;
constexpr std::uint8_t kTimeout = 0x40;

// Command byte
constexpr std::uint8_t kKeyboardInterrupt = 0x01;
constexpr std::uint8_t kKeyboardDisabled = 0x10;
constexpr std::uint8_t kAuxiliaryDisabled = 0x20;
constexpr std::uint8_t kTranslate = 0x40;

// Output port
constexpr std::uint8_t kNotReset = 0x01;
constexpr std::uint8_t kA20 = 0x02;
constexpr std::uint8_t kKeyboardFull = 0x10;
constexpr std::uint8_t kKeyboardLines = 0xC0;  // clock and data to the keyboard are high

constexpr std::uint8_t kInputPort = 0x80;  // the keyboard is not locked

// What the keyboard answers
constexpr std::uint8_t kAcknowledge = 0xFA;
constexpr std::uint8_t kResend = 0xFE;
constexpr std::uint8_t kSelfTestPassed = 0xAA;

}  // namespace

void Ps2Controller::Queue::push(std::uint8_t byte) {
    if (count < kSize) bytes[count++] = byte;
}

std::uint8_t Ps2Controller::Queue::pop() {
    const std::uint8_t first = bytes[0];
    std::copy(bytes.begin() + 1, bytes.begin() + count, bytes.begin());
    --count;
    return first;
}

Ps2Controller::Ps2Controller(InterruptLine& irq1, InterruptLine& a20) : irq1_(irq1), a20_(a20) {
    reset();
}

// As firmware leaves the controller: tested, keyboard enabled, scan codes translated.
void Ps2Controller::reset() {
    state_ = {};
    state_.ram[0] = kTranslate | kAuxiliaryDisabled | kSystemFlag;
    state_.output_port = kNotReset | kKeyboardLines;
    a20_.raise();
    update();
}

std::uint8_t Ps2Controller::read_byte(std::uint64_t offset) {
    if (offset == kDataOffset) return read_data();
    if (offset == kCommandOffset) return status();
    return 0xFF;
}

void Ps2Controller::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset == kCommandOffset) {
        state_.status |= kLastWasCommand;
        state_.controller_command = 0;
        controller_command(value);
    } else if (offset == kDataOffset) {
        state_.status &= static_cast<std::uint8_t>(~kLastWasCommand);
        if (const std::uint8_t command = std::exchange(state_.controller_command, 0)) {
            controller_parameter(command, value);
        } else {
            state_.ram[0] &= static_cast<std::uint8_t>(~kKeyboardDisabled);
            if (const std::uint8_t waiting = std::exchange(state_.keyboard_command, 0)) {
                keyboard_parameter(waiting, value);
            } else {
                keyboard_command(value);
            }
        }
    } else {
        return;
    }
    update();
}

std::uint8_t Ps2Controller::read_data() {
    // Reading empties the buffer; the next byte is a new edge on the wire.
    state_.output_full = false;
    state_.status &= static_cast<std::uint8_t>(~kTimeout);
    irq1_.lower();
    const std::uint8_t value = state_.output;
    update();
    return value;
}

std::uint8_t Ps2Controller::status() const {
    return state_.status | (state_.ram[0] & kSystemFlag) | kNotInhibited |
           (state_.output_full ? kOutputFull : std::uint8_t{0});
}

// What the controller itself says goes into the output buffer at once.
void Ps2Controller::reply(std::uint8_t value) {
    irq1_.lower();
    state_.output = value;
    state_.output_full = true;
}

void Ps2Controller::controller_command(std::uint8_t command) {
    if (command >= 0x20 && command < 0x40) {
        reply(state_.ram[command & 0x1F]);
        return;
    }
    if (command >= 0xF0) {  // pulses the output port's lines whose bits are 0
        if ((command & kNotReset) == 0) request_reset();
        return;
    }
    switch (command) {
        case 0xA7:
            state_.ram[0] |= kAuxiliaryDisabled;
            break;
        case 0xA8:
            state_.ram[0] &= static_cast<std::uint8_t>(~kAuxiliaryDisabled);
            break;
        case 0xA9:  // auxiliary port test: its clock line is stuck low
            reply(0x01);
            break;
        case 0xAA:
            state_.ram[0] |= kSystemFlag;
            reply(0x55);
            break;
        case 0xAB:  // keyboard port test passed
            reply(0x00);
            break;
        case 0xAD:
            state_.ram[0] |= kKeyboardDisabled;
            break;
        case 0xAE:
            state_.ram[0] &= static_cast<std::uint8_t>(~kKeyboardDisabled);
            break;
        case 0xC0:
            reply(kInputPort);
            break;
        case 0xD0:
            reply(read_output_port());
            break;
        case 0xDD:
        case 0xDF:  // common extension: A20 off and on
            a20_.set(command == 0xDF);
            break;
        case 0xE0:  // test inputs: both clocks are low
            reply(0x00);
            break;
        default:
            if ((command >= 0x60 && command < 0x80) || (command >= 0xD1 && command <= 0xD4)) {
                state_.controller_command = command;
            }
            break;
    }
}

void Ps2Controller::controller_parameter(std::uint8_t command, std::uint8_t value) {
    switch (command) {
        case 0xD1:
            write_output_port(value);
            break;
        case 0xD2:  // as if the keyboard had sent it
        case 0xD3:  // as if the auxiliary device had: there is none, and the status says so
            reply(value);
            break;
        case 0xD4:  // to the auxiliary device: nobody answers
            state_.status |= kTimeout;
            reply(kResend);
            break;
        default:
            state_.ram[command & 0x1F] = value;
            break;
    }
}

void Ps2Controller::write_output_port(std::uint8_t value) {
    state_.output_port = value & static_cast<std::uint8_t>(~(kA20 | kKeyboardFull));
    a20_.set((value & kA20) != 0);
    if ((value & kNotReset) == 0) request_reset();
}

std::uint8_t Ps2Controller::read_output_port() const {
    return state_.output_port | (a20_.level() ? kA20 : std::uint8_t{0}) |
           (state_.output_full ? kKeyboardFull : std::uint8_t{0});
}

void Ps2Controller::request_reset() {
    if (reset_) reset_();
}

// IBM PS/2 hardware interface technical reference, "Keyboard (101- and 102-key)", commands from the
// system.
void Ps2Controller::keyboard_command(std::uint8_t command) {
    switch (command) {
        case 0xED:  // indicators
        case 0xF0:  // scan code set
        case 0xF3:  // typematic rate
            state_.keyboard_command = command;
            keyboard_sends(kAcknowledge);
            break;
        case 0xEE:
            keyboard_sends(0xEE);
            break;
        case 0xF2:
            keyboard_sends(kAcknowledge);
            keyboard_sends(0xAB);
            keyboard_sends(0x83);
            break;
        case 0xF4:
        case 0xF5:
        case 0xF6:
            keyboard_sends(kAcknowledge);
            break;
        case 0xFE:
            keyboard_sends(state_.last_sent);
            break;
        case 0xFF:
            state_.keyboard.count = 0;
            state_.scan_code_set = 2;
            keyboard_sends(kAcknowledge);
            keyboard_sends(kSelfTestPassed);
            break;
        default:
            keyboard_sends(kResend);
            break;
    }
}

void Ps2Controller::keyboard_parameter(std::uint8_t command, std::uint8_t value) {
    keyboard_sends(kAcknowledge);
    if (command != 0xF0) return;
    if (value == 0) keyboard_sends(state_.scan_code_set);
    if (value >= 1 && value <= 3) state_.scan_code_set = value;
}

// From scan code set 2 to set 1, for the bytes that this keyboard ever sends.
std::uint8_t Ps2Controller::translated(std::uint8_t value) const {
    if ((state_.ram[0] & kTranslate) == 0) return value;
    switch (value) {
        case 0x01:
            return 0x43;
        case 0x02:
            return 0x41;
        case 0x03:
            return 0x3F;
        case 0x83:
            return 0x41;
        default:
            return value;
    }
}

bool Ps2Controller::irq_level() const {
    return state_.output_full && (state_.ram[0] & kKeyboardInterrupt) != 0;
}

// Takes the keyboard's next byte into a free output buffer, and drives the wire.
void Ps2Controller::update() {
    const bool enabled = (state_.ram[0] & kKeyboardDisabled) == 0;
    if (!state_.output_full && enabled && state_.keyboard.count > 0) {
        state_.last_sent = state_.keyboard.pop();
        reply(translated(state_.last_sent));
    }
    irq1_.set(irq_level());
}

void Ps2Controller::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    for (const std::uint8_t value : state_.ram) writer.put(value);
    writer.put(state_.output);
    writer.put(state_.output_full);
    writer.put(state_.status);
    writer.put(state_.controller_command);
    writer.put(state_.output_port);
    writer.put(a20_.level());
    writer.put(state_.keyboard_command);
    writer.put(state_.scan_code_set);
    writer.put(state_.last_sent);
    writer.put(state_.keyboard.count);
    for (unsigned i = 0; i < state_.keyboard.count; ++i) writer.put(state_.keyboard.bytes[i]);
}

void Ps2Controller::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    State state;
    for (std::uint8_t& value : state.ram) value = reader.get<std::uint8_t>();
    state.output = reader.get<std::uint8_t>();
    state.output_full = reader.get_bool();
    state.status = reader.get<std::uint8_t>() & (kLastWasCommand | kTimeout);
    state.controller_command = reader.get<std::uint8_t>();
    state.output_port =
        reader.get<std::uint8_t>() & static_cast<std::uint8_t>(~(kA20 | kKeyboardFull));
    const bool a20 = reader.get_bool();
    state.keyboard_command = reader.get<std::uint8_t>();
    state.scan_code_set = reader.get_in<std::uint8_t>(1, 3, "scan code set");
    state.last_sent = reader.get<std::uint8_t>();
    state.keyboard.count = reader.get_in<std::uint8_t>(0, Queue::kSize, "waiting answers");
    for (unsigned i = 0; i < state.keyboard.count; ++i) {
        state.keyboard.bytes[i] = reader.get<std::uint8_t>();
    }
    state_ = state;
    a20_.restore(a20);
    irq1_.restore(irq_level());
}

}  // namespace hvlab
