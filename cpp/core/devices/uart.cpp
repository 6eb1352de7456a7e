// SPDX-License-Identifier: GPL-2.0-or-later
//
// Section numbers are those of the PC16550D data sheet (National Semiconductor, June 1995).
#include "core/devices/uart.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

// IER, s. 8.7
constexpr std::uint8_t kReceivedData = 0x01;
constexpr std::uint8_t kTransmitterEmpty = 0x02;
constexpr std::uint8_t kLineStatus = 0x04;
constexpr std::uint8_t kModemStatus = 0x08;

// IIR, s. 8.6 table IV
constexpr std::uint8_t kIdNone = 0x01;
constexpr std::uint8_t kIdModemStatus = 0x00;
constexpr std::uint8_t kIdTransmitterEmpty = 0x02;
constexpr std::uint8_t kIdReceivedData = 0x04;
constexpr std::uint8_t kIdLineStatus = 0x06;
constexpr std::uint8_t kIdTimeout = 0x0C;
constexpr std::uint8_t kFifosEnabled = 0xC0;

// LSR, s. 8.4
constexpr std::uint8_t kDataReady = 0x01;
constexpr std::uint8_t kOverrun = 0x02;
constexpr std::uint8_t kTransmitterIdle = 0x60;  // THRE and TEMT

// MCR, s. 8.8
constexpr std::uint8_t kTerminalReady = 0x03;  // DTR, RTS
constexpr std::uint8_t kOut2 = 0x08;
constexpr std::uint8_t kModemControlBits = 0x1F;

// MSR, s. 8.9
constexpr std::uint8_t kClearToSend = 0x10;
constexpr std::uint8_t kDataSetReady = 0x20;
constexpr std::uint8_t kRingIndicator = 0x40;
constexpr std::uint8_t kCarrierDetect = 0x80;

// When input was held back it goes on in portions of so many characters, to spare timer events.
constexpr std::int64_t kHeldBackPortion = 256;

constexpr Nanoseconds kMaxTime = std::numeric_limits<Nanoseconds>::max() / 2;

}  // namespace

Uart::Uart(std::string name, Timeline& timeline, InterruptLine& interrupt)
    : name_(std::move(name)),
      timeline_(timeline),
      interrupt_(interrupt),
      timeout_timer_(timeline.add_timer(name_ + " character timeout", [this] { update(); })),
      line_timer_(timeline.add_timer(name_ + " input", [this] {
          refill();
          update();
      })) {}

Uart::~Uart() {
    timeline_.disarm(timeout_timer_);
    timeline_.disarm(line_timer_);
}

void Uart::reset() {
    state_ = {};
    input_.clear();
    input_first_ = 0;
    update();
}

void Uart::receive(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxPendingInput - std::min(pending_input(), kMaxPendingInput)) {
        throw DeviceError(
            name_, -1,
            fmt::format("{} bytes of input do not fit: {} wait already, {} is the limit",
                        bytes.size(), pending_input(), kMaxPendingInput));
    }
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    refill();
    update();
}

std::uint8_t Uart::read_byte(std::uint64_t offset) {
    switch (offset) {
        case 0:
            return divisor_latch_access() ? static_cast<std::uint8_t>(state_.divisor)
                                          : read_receiver();
        case 1:
            return divisor_latch_access() ? static_cast<std::uint8_t>(state_.divisor >> 8)
                                          : state_.interrupt_enable;
        case 2:
            return read_interrupt_id();
        case 3:
            return state_.line_control;
        case 4:
            return state_.modem_control;
        case 5:
            return read_line_status();
        case 6:
            return read_modem_status();
        case 7:
            return state_.scratch;
        default:
            return 0xFF;
    }
}

void Uart::write_byte(std::uint64_t offset, std::uint8_t value) {
    switch (offset) {
        case 0:
            if (divisor_latch_access()) {
                set_divisor(static_cast<std::uint16_t>((state_.divisor & 0xFF00) | value));
            } else {
                write_transmitter(value);
            }
            break;
        case 1:
            if (divisor_latch_access()) {
                set_divisor(static_cast<std::uint16_t>((state_.divisor & 0xFF) | value << 8));
            } else {
                write_interrupt_enable(value);
            }
            break;
        case 2:
            write_fifo_control(value);
            break;
        case 3:
            state_.line_control = value;
            update();  // the line rate may be another
            break;
        case 4:
            write_modem_control(value);
            break;
        case 7:
            state_.scratch = value;
            break;
        default:  // LSR is for the factory's tests (s. 8.4), MSR is read-only here
            break;
    }
}

void Uart::set_divisor(std::uint16_t divisor) {
    state_.divisor = divisor;
    update();
}

std::uint8_t Uart::read_receiver() {
    if (state_.count == 0) return state_.last_received;
    state_.last_received = state_.fifo[state_.first];
    state_.first = static_cast<std::uint8_t>((state_.first + 1) % kFifoSize);
    --state_.count;
    refill();
    state_.timeout_at = timeline_.now() + 4 * character_time();
    update();
    return state_.last_received;
}

std::uint8_t Uart::read_interrupt_id() {
    const std::uint8_t id = interrupt_id();
    if (id == kIdTransmitterEmpty) {
        state_.transmitter_interrupt = false;
        update();
    }
    return id | (state_.fifo_enabled ? kFifosEnabled : std::uint8_t{0});
}

std::uint8_t Uart::read_line_status() {
    std::uint8_t status = kTransmitterIdle;
    if (!state_.watched) {
        state_.watched = true;
        refill();
        update();
    }
    if (state_.count > 0) status |= kDataReady;
    if (state_.overrun) {
        status |= kOverrun;
        state_.overrun = false;
        update();
    }
    return status;
}

std::uint8_t Uart::read_modem_status() {
    const std::uint8_t status = modem_inputs() | state_.modem_changes;
    if (state_.modem_changes != 0) {
        state_.modem_changes = 0;
        update();
    }
    return status;
}

void Uart::write_transmitter(std::uint8_t value) {
    // Writing takes the interrupt back until the byte is out, which is at once: the listener sees
    // an edge.
    state_.transmitter_interrupt = false;
    update();
    state_.transmitter_interrupt = true;
    if (loopback()) put_in_fifo(value);
    update();
    if (!loopback() && transmit_) transmit_(value);
}

void Uart::write_interrupt_enable(std::uint8_t value) {
    const std::uint8_t enabled = value & static_cast<std::uint8_t>(~state_.interrupt_enable);
    if ((enabled & kTransmitterEmpty) != 0) state_.transmitter_interrupt = true;
    state_.interrupt_enable = value & 0x0F;
    update();
}

// S. 8.5. Turning FIFOs on or off empties them; without bit 0 the other bits are not programmed.
void Uart::write_fifo_control(std::uint8_t value) {
    const bool enable = (value & 0x01) != 0;
    if (enable != state_.fifo_enabled || (enable && (value & 0x02) != 0)) clear_fifo();
    state_.fifo_enabled = enable;
    state_.trigger = enable ? static_cast<std::uint8_t>(value >> 6) : std::uint8_t{0};
    refill();
    update();
}

void Uart::write_modem_control(std::uint8_t value) {
    const std::uint8_t before = modem_inputs();
    state_.modem_control = value & kModemControlBits;
    const std::uint8_t after = modem_inputs();
    const auto changed = static_cast<std::uint8_t>(before ^ after);
    // The ring indicator reports its trailing edge only.
    const auto reported = static_cast<std::uint8_t>(changed & ~(after & kRingIndicator));
    state_.modem_changes |= static_cast<std::uint8_t>(reported >> 4);
    refill();
    update();
}

std::size_t Uart::trigger_level() const {
    constexpr std::array<std::size_t, 4> kLevels = {1, 4, 8, 14};
    return kLevels[state_.trigger];
}

// In loopback the modem control outputs come back as the inputs: DTR as DSR, RTS as CTS, OUT1 as
// RI, OUT2 as DCD (s. 8.8).
std::uint8_t Uart::modem_inputs() const {
    if (!loopback()) return kClearToSend | kDataSetReady | kCarrierDetect;
    std::uint8_t inputs = 0;
    if ((state_.modem_control & 0x01) != 0) inputs |= kDataSetReady;
    if ((state_.modem_control & 0x02) != 0) inputs |= kClearToSend;
    if ((state_.modem_control & 0x04) != 0) inputs |= kRingIndicator;
    if ((state_.modem_control & 0x08) != 0) inputs |= kCarrierDetect;
    return inputs;
}

bool Uart::timed_out() const {
    return state_.fifo_enabled && state_.count > 0 && timeline_.now() >= state_.timeout_at;
}

// The pending interrupt of the highest priority (s. 8.6).
std::uint8_t Uart::interrupt_id() const {
    const std::uint8_t enabled = state_.interrupt_enable;
    if ((enabled & kLineStatus) != 0 && state_.overrun) return kIdLineStatus;
    if ((enabled & kReceivedData) != 0) {
        const std::size_t level = state_.fifo_enabled ? trigger_level() : 1;
        if (state_.count >= level) return kIdReceivedData;
        if (timed_out()) return kIdTimeout;
    }
    if ((enabled & kTransmitterEmpty) != 0 && state_.transmitter_interrupt) {
        return kIdTransmitterEmpty;
    }
    if ((enabled & kModemStatus) != 0 && state_.modem_changes != 0) return kIdModemStatus;
    return kIdNone;
}

// OUT2 drives the gate between the chip and the bus; in loopback the pin is inactive (s. 8.8).
bool Uart::interrupt_level() const {
    return (state_.modem_control & kOut2) != 0 && !loopback() && interrupt_id() != kIdNone;
}

// Start, data, parity and stop bits of 16 clocks times the divisor each; 1.8432 MHz. Half bits,
// because five data bits go with one and a half stop bits. A divisor of 0 is not allowed (s. 8.3)
// and counts as 1.
Nanoseconds Uart::character_time() const {
    const int data_bits = 5 + (state_.line_control & 0x03);
    int half_bits = 2 + 2 * data_bits + 2;
    if ((state_.line_control & 0x08) != 0) half_bits += 2;
    if ((state_.line_control & 0x04) != 0) half_bits += data_bits == 5 ? 1 : 2;
    const Nanoseconds divisor = std::max<Nanoseconds>(state_.divisor, 1);
    return half_bits * divisor * 78125 / 18;  // 8 / 1.8432 MHz = 78125/18 ns
}

// An overrun costs the new character with FIFOs, the old one without (s. 8.4).
void Uart::put_in_fifo(std::uint8_t value) {
    if (state_.count == capacity()) {
        state_.overrun = true;
        if (!state_.fifo_enabled) state_.fifo[state_.first] = value;
        return;
    }
    // A timeout that has occurred stays until the guest reads (s. 8.5.1).
    if (!timed_out()) state_.timeout_at = timeline_.now() + 4 * character_time();
    state_.fifo[(state_.first + state_.count) % kFifoSize] = value;
    ++state_.count;
}

// A driver that sets the port up clears the receive FIFO at some point: what came before it would
// be lost. So the terminal waits, as one with a modem cable does, until the guest is there: it
// asserts DTR or RTS, or it looks at the line status, which is all that a simple guest without
// handshake does.
bool Uart::terminal_sends() const {
    return !loopback() && ((state_.modem_control & kTerminalReady) != 0 || state_.watched);
}

void Uart::refill() {
    if (waiting() == 0 || !terminal_sends()) return;
    const Nanoseconds now = timeline_.now();
    const Nanoseconds each = character_time();
    while (waiting() > 0 && state_.count < capacity() &&
           state_.line_free_at <= now + kInstantInput * each) {
        put_in_fifo(std::to_integer<std::uint8_t>(input_[input_first_++]));
        state_.line_free_at = std::max(state_.line_free_at, now) + each;
    }
    // Moves what waits to the front only when as much has gone: every byte is moved once on
    // average.
    if (input_first_ >= input_.size() - input_first_) {
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_first_));
        input_first_ = 0;
    }
}

void Uart::update() {
    interrupt_.set(interrupt_level());
    arm_timers();
}

void Uart::arm_timers() {
    const bool awaits_timeout = (state_.interrupt_enable & kReceivedData) != 0 &&
                                state_.fifo_enabled && state_.count > 0 &&
                                state_.count < trigger_level() && !timed_out();
    if (awaits_timeout) {
        timeline_.arm(timeout_timer_, state_.timeout_at);
    } else {
        timeline_.disarm(timeout_timer_);
    }
    if (waiting() > 0 && state_.count < capacity() && terminal_sends()) {  // refill() held it back
        const Nanoseconds ahead = (kInstantInput - kHeldBackPortion) * character_time();
        timeline_.arm(line_timer_, state_.line_free_at - ahead);
    } else {
        timeline_.disarm(line_timer_);
    }
}

void Uart::save(StateWriter& writer) const {
    writer.begin(name_, kVersion);
    writer.put(state_.interrupt_enable);
    writer.put(state_.line_control);
    writer.put(state_.modem_control);
    writer.put(state_.watched);
    writer.put(state_.modem_changes);
    writer.put(state_.scratch);
    writer.put(state_.last_received);
    writer.put(state_.divisor);
    writer.put(state_.fifo_enabled);
    writer.put(state_.trigger);
    writer.put(state_.overrun);
    writer.put(state_.transmitter_interrupt);
    writer.put(state_.count);
    for (unsigned i = 0; i < state_.count; ++i) {
        writer.put(state_.fifo[(state_.first + i) % kFifoSize]);
    }
    writer.put(state_.timeout_at);
    writer.put(state_.line_free_at);
    writer.put_bytes(std::span(input_).subspan(input_first_));
}

void Uart::load(StateReader& reader) {
    reader.begin(name_, kVersion);
    State state;
    state.interrupt_enable = reader.get_in<std::uint8_t>(0, 0x0F, "interrupt enable");
    state.line_control = reader.get<std::uint8_t>();
    state.modem_control = reader.get_in<std::uint8_t>(0, kModemControlBits, "modem control");
    state.watched = reader.get_bool();
    state.modem_changes = reader.get_in<std::uint8_t>(0, 0x0F, "modem changes");
    state.scratch = reader.get<std::uint8_t>();
    state.last_received = reader.get<std::uint8_t>();
    state.divisor = reader.get<std::uint16_t>();
    state.fifo_enabled = reader.get_bool();
    state.trigger = reader.get_in<std::uint8_t>(0, 3, "trigger level");
    state.overrun = reader.get_bool();
    state.transmitter_interrupt = reader.get_bool();
    const std::uint8_t most = state.fifo_enabled ? kFifoSize : 1;
    state.count = reader.get_in<std::uint8_t>(0, most, "FIFO fill");
    for (unsigned i = 0; i < state.count; ++i) state.fifo[i] = reader.get<std::uint8_t>();
    state.timeout_at = reader.get_in<Nanoseconds>(0, kMaxTime, "timeout");
    state.line_free_at = reader.get_in<Nanoseconds>(0, kMaxTime, "line time");
    std::vector<std::byte> input = reader.get_bytes(kMaxPendingInput);

    state_ = state;
    input_ = std::move(input);
    input_first_ = 0;
    interrupt_.restore(interrupt_level());
    arm_timers();
}

}  // namespace hvlab
