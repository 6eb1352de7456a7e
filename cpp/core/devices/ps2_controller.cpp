// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ps2_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/base/status.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 2;

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

constexpr std::uint8_t kBreak = 0xF0;     // before a break code of set 2
constexpr std::uint8_t kReleased = 0x80;  // in a break code of set 1

// Set 2 to set 1 (IBM PS/2 hardware interface technical reference, "Keyboard translation"). From
// 85h on codes stay as they are.
constexpr std::array<std::uint8_t, 0x85> kSet1 = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29,
    0x59, 0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11,
    0x03, 0x5B, 0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14,
    0x13, 0x06, 0x5D, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24,
    0x16, 0x08, 0x09, 0x5F, 0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35,
    0x26, 0x27, 0x19, 0x0C, 0x61, 0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36,
    0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C,
    0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F, 0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45,
    0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54};

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
        case 0xF4:  // scanning on; off; defaults, scanning on
        case 0xF5:
        case 0xF6:
            state_.scanning = command != 0xF5;
            keyboard_sends(kAcknowledge);
            break;
        case 0xFE:
            keyboard_sends(state_.last_sent);
            break;
        case 0xFF:
            state_.keyboard.count = 0;
            state_.typed.clear();
            state_.scanning = true;
            state_.released = false;
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

// What the guest gets of a byte from the keyboard: nothing of the prefix of a break code where the
// controller, or a keyboard that uses set 1, makes a bit of it.
std::optional<std::uint8_t> Ps2Controller::translated(std::uint8_t value, bool typed) {
    const bool translate = (state_.ram[0] & kTranslate) != 0;
    if (!translate && !(typed && state_.scan_code_set == 1)) return value;
    if (value == kBreak) {
        state_.released = true;
        return std::nullopt;
    }
    const std::uint8_t code = value < kSet1.size() ? kSet1[value] : value;
    return std::exchange(state_.released, false) ? code | kReleased : code;
}

// Its answers go before the keys that were typed.
std::optional<std::uint8_t> Ps2Controller::next_from_keyboard() {
    const bool answer = state_.keyboard.count > 0;
    if (!answer && (state_.typed.empty() || !state_.scanning)) return std::nullopt;
    if (answer) {
        state_.last_sent = state_.keyboard.pop();
    } else {
        state_.last_sent = state_.typed.front();
        state_.typed.pop_front();
        if (state_.scan_code_set == 3) return next_from_keyboard();  // not known: lost
    }
    const std::optional<std::uint8_t> value = translated(state_.last_sent, !answer);
    return value ? value : next_from_keyboard();
}

void Ps2Controller::type(std::span<const std::byte> scan_codes) {
    if (scan_codes.size() > kMaxTyped - state_.typed.size()) {
        throw DeviceError(std::string(name()), -1,
                          fmt::format("{} bytes of scan codes wait already, and {} more are more "
                                      "than {}",
                                      state_.typed.size(), scan_codes.size(), kMaxTyped));
    }
    for (const std::byte code : scan_codes) {
        state_.typed.push_back(std::to_integer<std::uint8_t>(code));
    }
    update();
}

bool Ps2Controller::irq_level() const {
    return state_.output_full && (state_.ram[0] & kKeyboardInterrupt) != 0;
}

// Takes the keyboard's next byte into a free output buffer, and drives the wire.
void Ps2Controller::update() {
    const bool enabled = (state_.ram[0] & kKeyboardDisabled) == 0;
    if (!state_.output_full && enabled) {
        if (const std::optional<std::uint8_t> value = next_from_keyboard()) reply(*value);
    }
    irq1_.set(irq_level());
}

void Ps2Controller::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put_all(state_.ram);
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
    writer.put(state_.scanning);
    writer.put(state_.released);
    writer.put(static_cast<std::uint16_t>(state_.typed.size()));
    for (const std::uint8_t code : state_.typed) writer.put(code);
}

void Ps2Controller::load(StateReader& reader) {
    if (reader.begin(name(), kVersion) != kVersion) {
        throw StateError("i8042: a state from before keys could be typed");
    }
    State state;
    reader.get_all(state.ram);
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
    state.scanning = reader.get_bool();
    state.released = reader.get_bool();
    const auto typed = reader.get_in<std::uint16_t>(0, kMaxTyped, "typed keys");
    for (unsigned i = 0; i < typed; ++i) state.typed.push_back(reader.get<std::uint8_t>());
    state_ = std::move(state);
    a20_.restore(a20);
    irq1_.restore(irq_level());
}

}  // namespace hvlab
