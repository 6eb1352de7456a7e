// SPDX-License-Identifier: GPL-2.0-or-later
//
// One item of a program being drawn, and the kinds that there are.
#pragma once

#include "core/base/random.h"
#include "tests/conformance/random/encoder.h"

namespace hvlab::conformance {

// Registers that programs read but never write: the stack's, the middle of the window's, the
// device's.
inline constexpr std::uint8_t kStackRegister = 4;
inline constexpr std::uint8_t kDeviceRegister = 14;
inline constexpr std::uint8_t kWindowRegister = 15;

class Draw {
public:
    Draw(RandomStream& random, bool user_mode) : user(user_mode), encode(item), random_(random) {}
    Draw(const Draw&) = delete;
    Draw& operator=(const Draw&) = delete;

    std::uint64_t word() { return random_.next(); }
    unsigned below(unsigned bound) { return static_cast<unsigned>(random_.below(bound)); }
    bool chance(unsigned in) { return below(in) == 0; }
    template <typename T, std::size_t N>
    T of(const T (&choices)[N]) {
        return choices[below(N)];
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(word()); }

    // 1, 2, 4 or 8; rarely the first.
    unsigned size() { return of({1u, 2u, 2u, 4u, 4u, 4u, 8u, 8u}); }
    // A register that may be written; below 8 where `legacy`.
    std::uint8_t target(bool legacy = false);
    // One that may be read.
    std::uint8_t source() { return static_cast<std::uint8_t>(below(16)); }
    Operand reg(std::uint8_t number) { return {.reg = number}; }
    // A place of that many bytes in the window, most often; sometimes over an edge of it, or on a
    // device. `alignment` is kept but for a few.
    Operand memory(unsigned bytes, unsigned alignment = 1);
    // A register to write, or memory.
    Operand destination(unsigned bytes);
    Operand source_operand(unsigned bytes);

    // An integer instruction of a size: the opcode for 8 bits, and the one for the others.
    void sized(std::initializer_list<std::uint8_t> narrow, std::initializer_list<std::uint8_t> wide,
               unsigned bytes, std::uint8_t reg, const Operand& rm, unsigned immediate_size = 0,
               std::uint64_t immediate = 0, bool lock = false);
    // Loads a register with a number.
    void load(std::uint8_t number, std::uint32_t value);

    const bool user;
    Item item;
    Encoder encode;

private:
    std::uint64_t window_offset(unsigned bytes, unsigned alignment);

    RandomStream& random_;
};

void mask_selectors(Draw& draw, const Operand& place, unsigned code, unsigned data);

void make_arithmetic(Draw& draw);
void make_move(Draw& draw);
void make_shift(Draw& draw);
void make_multiplication(Draw& draw);
void make_division(Draw& draw);
void make_bit(Draw& draw);
void make_atomic(Draw& draw);
void make_stack(Draw& draw);
void make_string(Draw& draw);
void make_flags(Draw& draw);
void make_jump(Draw& draw);
void make_x87(Draw& draw);
void make_mmx(Draw& draw);
void make_sse(Draw& draw);
void make_system(Draw& draw);
void make_port(Draw& draw);
void make_device(Draw& draw);
void make_fault(Draw& draw);
void make_patch(Draw& draw);
void make_constant(Draw& draw);

}  // namespace hvlab::conformance
