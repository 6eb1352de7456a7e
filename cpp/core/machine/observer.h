// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/units.h"

namespace hvlab {

// Sees, in order, everything non-deterministic that goes into a machine and everything observable
// that comes out of it. Called in the machine's thread, with the guest time of the instruction
// concerned; must neither throw nor call back into the machine.
class MachineObserver {
public:
    virtual ~MachineObserver() = default;

    virtual void console_input(Nanoseconds time, std::span<const std::byte> bytes) = 0;
    // Scan codes of set 2.
    virtual void keyboard_input(Nanoseconds time, std::span<const std::byte> scan_codes) = 0;
    virtual void nmi_raised(Nanoseconds time) = 0;
    virtual void machine_reset(Nanoseconds time) = 0;
    virtual void console_output(Nanoseconds time, std::uint8_t byte) = 0;
    // A write to a port whose values people watch: 0x80, 0xE9, debug-exit.
    virtual void port_output(Nanoseconds time, std::uint16_t port, std::uint32_t value) = 0;
    // A write that reached text memory, at an offset into it.
    virtual void screen_output(Nanoseconds time, std::uint64_t offset, unsigned size,
                               std::uint64_t value) = 0;
    virtual void interrupt_delivered(Nanoseconds time, std::uint8_t vector) = 0;
};

}  // namespace hvlab
