// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/bus/interrupt_line.h"
#include "core/bus/timeline.h"
#include "core/devices/byte_device.h"

namespace hvlab {

// The 16550A serial port (National Semiconductor PC16550D data sheet), wired as on a PC: OUT2 gates
// the interrupt, the input clock is 1.8432 MHz, and a terminal that is always there holds CTS, DSR
// and DCD.
//
// Transmission takes no guest time: the transmitter is empty again at once. Received bytes come
// from a queue on the host side, which waits until the guest has set the port up (DTR, RTS or a
// look at the line status), and enter the FIFO as fast as the guest takes them out, so none is lost
// here. Only a long run of input is held to the programmed line rate, after the first kInstantInput
// bytes: a driver that could drain the line without end would overrun its own buffers.
class Uart final : public ByteDevice {
public:
    static constexpr std::uint64_t kPort = 0x3F8;  // COM1
    static constexpr std::uint64_t kSize = 8;
    static constexpr unsigned kIrq = 4;
    static constexpr std::size_t kMaxPendingInput = std::size_t{1} << 20;  // bytes
    static constexpr std::int64_t kInstantInput = std::int64_t{1} << 15;   // bytes
    static constexpr std::size_t kFifoSize = 16;

    Uart(std::string name, Timeline& timeline, InterruptLine& interrupt);
    ~Uart() override;
    Uart(const Uart&) = delete;
    Uart& operator=(const Uart&) = delete;

    // Where transmitted bytes go, called from inside the guest's access.
    void on_transmit(std::function<void(std::uint8_t)> callback) {
        transmit_ = std::move(callback);
    }

    // Queues input. Throws DeviceError, and queues nothing, when more than kMaxPendingInput bytes
    // would wait to be read.
    void receive(std::span<const std::byte> bytes);
    // Bytes that the guest has not read yet, those in the FIFO included.
    std::size_t pending_input() const { return waiting() + state_.count; }

    std::string_view name() const override { return name_; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    struct State {
        std::uint8_t interrupt_enable = 0;
        std::uint8_t line_control = 0;
        std::uint8_t modem_control = 0;
        std::uint8_t modem_changes = 0;  // the low half of MSR
        std::uint8_t scratch = 0;
        std::uint8_t last_received = 0;
        std::uint16_t divisor = 1;
        bool fifo_enabled = false;
        std::uint8_t trigger = 0;  // bits 7-6 of FCR
        bool overrun = false;
        bool watched = false;  // the guest has read the line status
        bool transmitter_interrupt = false;
        // The receive FIFO, or its first entry as the buffer register when FIFOs are off.
        std::array<std::uint8_t, kFifoSize> fifo = {};
        std::uint8_t first = 0;
        std::uint8_t count = 0;
        // When the character timeout falls due unless the guest reads; of no use while count is 0.
        Nanoseconds timeout_at = 0;
        // When a line at its programmed rate would have delivered everything that was delivered.
        Nanoseconds line_free_at = 0;
    };

    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    void set_divisor(std::uint16_t divisor);
    std::uint8_t read_receiver();
    std::uint8_t read_interrupt_id();
    std::uint8_t read_line_status();
    std::uint8_t read_modem_status();
    void write_transmitter(std::uint8_t value);
    void write_interrupt_enable(std::uint8_t value);
    void write_fifo_control(std::uint8_t value);
    void write_modem_control(std::uint8_t value);

    bool divisor_latch_access() const { return (state_.line_control & 0x80) != 0; }
    bool terminal_sends() const;
    bool loopback() const { return (state_.modem_control & 0x10) != 0; }
    std::size_t capacity() const { return state_.fifo_enabled ? kFifoSize : 1; }
    std::size_t trigger_level() const;
    std::size_t waiting() const { return input_.size() - input_first_; }
    std::uint8_t modem_inputs() const;
    bool timed_out() const;
    std::uint8_t interrupt_id() const;
    bool interrupt_level() const;
    Nanoseconds character_time() const;

    void clear_fifo() { state_.first = state_.count = 0; }
    void put_in_fifo(std::uint8_t value);
    void refill();
    void update();
    void arm_timers();

    const std::string name_;
    Timeline& timeline_;
    InterruptLine& interrupt_;
    std::function<void(std::uint8_t)> transmit_;
    Timeline::TimerId timeout_timer_;
    Timeline::TimerId line_timer_;

    State state_;
    std::vector<std::byte> input_;  // what waits begins at input_first_
    std::size_t input_first_ = 0;
};

}  // namespace hvlab
