// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/bus/device.h"

namespace hvlab {

// A device with 8-bit registers only. A wider access is what the ISA bus makes of it: one cycle a
// byte at consecutive ports, the lowest first (Intel 82371AB PIIX4 s. 4.1.1; AT technical
// reference, data bus conversion).
class ByteDevice : public Device {
public:
    std::uint64_t read(std::uint64_t offset, unsigned size) final {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i) {
            value |= std::uint64_t{read_byte(offset + i)} << (8 * i);
        }
        return value;
    }

    void write(std::uint64_t offset, unsigned size, std::uint64_t value) final {
        for (unsigned i = 0; i < size; ++i) {
            write_byte(offset + i, static_cast<std::uint8_t>(value >> (8 * i)));
        }
    }

protected:
    // Any offset: those without a register read 0xFF and ignore writes.
    virtual std::uint8_t read_byte(std::uint64_t offset) = 0;
    virtual void write_byte(std::uint64_t offset, std::uint8_t value) = 0;
};

}  // namespace hvlab
