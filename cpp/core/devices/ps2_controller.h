// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "core/bus/interrupt_line.h"
#include "core/devices/byte_device.h"

namespace hvlab {

// The 8042 keyboard controller and the keyboard behind it (IBM PS/2 hardware interface technical
// reference, "Keyboard and auxiliary device controller"), as far as firmware and kernels probe
// them: self-tests, command byte, controller RAM, A20 gate and reset by the output port, a keyboard
// that answers its commands and on which the host types. There is no auxiliary port: its commands
// fail in the way that drivers look for. Everything takes no guest time.
//
// What is typed waits on the host until the output buffer is free and the guest lets the keyboard
// send; a reset of the keyboard forgets it. Keys are known in the scan code sets 1 and 2.
//
// Two port ranges, told apart by their first offset: kDataOffset and kCommandOffset.
class Ps2Controller final : public ByteDevice {
public:
    static constexpr std::uint64_t kDataPort = 0x60;
    static constexpr std::uint64_t kCommandPort = 0x64;
    static constexpr std::uint64_t kSize = 1;
    static constexpr std::uint64_t kDataOffset = 0;
    static constexpr std::uint64_t kCommandOffset = 4;
    static constexpr unsigned kIrq = 1;

    // Drives a20 high, the power-on state.
    Ps2Controller(InterruptLine& irq1, InterruptLine& a20);

    // Room for keys that were typed and not read yet, in bytes of scan codes.
    static constexpr std::size_t kMaxTyped = 4096;

    // Scan codes of set 2, as the keyboard sends them: make codes, F0h before break codes. Throws
    // DeviceError, and takes nothing, when too many wait.
    void type(std::span<const std::byte> scan_codes);

    void on_reset(std::function<void()> callback) { reset_ = std::move(callback); }

    std::string_view name() const override { return "i8042"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    // The keyboard's answers that wait for the controller to take them. A guest that sends commands
    // without reading loses the answers beyond.
    struct Queue {
        static constexpr std::size_t kSize = 16;
        std::array<std::uint8_t, kSize> bytes = {};
        std::uint8_t count = 0;

        void push(std::uint8_t byte);
        std::uint8_t pop();
    };

    struct State {
        std::array<std::uint8_t, 32> ram = {};  // ram[0] is the command byte
        std::uint8_t output = 0;                // the output buffer
        bool output_full = false;
        std::uint8_t status = 0;              // the bits that are not worked out on reading
        std::uint8_t controller_command = 0;  // that waits for its parameter, 0 for none
        std::uint8_t output_port = 0;         // but for the A20 gate
        // The keyboard.
        std::uint8_t keyboard_command = 0;  // that waits for its parameter, 0 for none
        std::uint8_t scan_code_set = 2;
        std::uint8_t last_sent = 0;
        Queue keyboard;
        std::deque<std::uint8_t> typed;
        bool scanning = true;   // F5h stops it
        bool released = false;  // F0h was taken for translation: the next code is a break code
    };

    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    std::uint8_t read_data();
    std::uint8_t status() const;
    void controller_command(std::uint8_t command);
    void controller_parameter(std::uint8_t command, std::uint8_t value);
    void write_output_port(std::uint8_t value);
    std::uint8_t read_output_port() const;
    void reply(std::uint8_t value);

    void keyboard_command(std::uint8_t command);
    void keyboard_parameter(std::uint8_t command, std::uint8_t value);
    void keyboard_sends(std::uint8_t value) { state_.keyboard.push(value); }
    std::optional<std::uint8_t> translated(std::uint8_t value, bool typed);
    std::optional<std::uint8_t> next_from_keyboard();

    bool irq_level() const;
    void update();
    void request_reset();

    InterruptLine& irq1_;
    InterruptLine& a20_;
    std::function<void()> reset_;
    State state_;
};

}  // namespace hvlab
