// SPDX-License-Identifier: GPL-2.0-or-later
//
// Just enough of an assembler for the generator (Intel SDM vol. 2 ch. 2).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/base/random.h"
#include "tests/conformance/random/program.h"

namespace hvlab::conformance {

// A register, or a place in memory, as ModR/M names it.
struct Operand {
    enum class Kind : std::uint8_t {
        kRegister,
        kAbsolute,     // [disp32]
        kBase,         // [base + disp32]
        kIndexed,      // [base + index * scale + disp32]
        kRipRelative,  // [rip + ...]: `address`
    };
    Kind kind = Kind::kRegister;
    std::uint8_t reg = 0;  // or the base
    std::uint8_t index = 0;
    std::uint8_t scale = 0;     // as a power of two
    std::uint64_t address = 0;  // displacement, or a linear address

    bool memory() const { return kind != Kind::kRegister; }
};

// Size 1, 2, 4 or 8 of an integer operation; the rest is for instructions that have a mandatory
// prefix of their own.
struct Opcode {
    std::uint8_t prefix = 0;  // 66h, F2h, F3h or none
    std::initializer_list<std::uint8_t> bytes;
    bool wide = false;  // REX.W
};

class Encoder {
public:
    explicit Encoder(Item& item) : item_(item) {}

    // An instruction of plain bytes.
    void raw(std::initializer_list<std::uint8_t> bytes);
    // Opcode, register field and r/m operand, with what prefixes they need; `immediate` bytes
    // follow. `byte_registers`: an 8-bit operand, so that SPL-DIL take a REX prefix.
    void modrm(const Opcode& opcode, std::uint8_t reg, const Operand& rm,
               unsigned immediate_size = 0, std::uint64_t immediate = 0,
               bool byte_registers = false, bool lock = false);
    // A jump over the next items: opcode without displacement.
    void jump(std::initializer_list<std::uint8_t> opcode, unsigned skip, bool is_short);

private:
    void put(std::uint8_t byte) { item_.bytes.push_back(byte); }
    void put(std::uint64_t value, unsigned size);
    void close(std::size_t start, unsigned more = 0);
    void operand(std::uint8_t reg, const Operand& rm, unsigned immediate_size);

    Item& item_;
};

}  // namespace hvlab::conformance
