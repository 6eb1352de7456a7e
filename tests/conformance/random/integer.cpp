// SPDX-License-Identifier: GPL-2.0-or-later
//
// Integer items (Intel SDM vol. 2; opcodes by appendix A).
#include "tests/conformance/random/draw.h"

namespace hvlab::conformance {
namespace {

unsigned immediate_size(unsigned bytes) {
    return bytes == 8 ? 4 : bytes;
}

}  // namespace

void make_arithmetic(Draw& draw) {
    const unsigned bytes = draw.size();
    const auto operation =
        static_cast<std::uint8_t>(draw.below(8));  // ADD OR ADC SBB AND SUB XOR CMP
    const auto opcode = static_cast<std::uint8_t>(operation << 3);
    switch (draw.below(6)) {
        case 0: {  // r, r/m
            const Operand from = draw.source_operand(bytes);
            draw.sized({static_cast<std::uint8_t>(opcode | 2)},
                       {static_cast<std::uint8_t>(opcode | 3)}, bytes, draw.target(), from);
            break;
        }
        case 1: {  // r/m, imm
            const Operand to = draw.destination(bytes);
            draw.sized({0x80}, {0x81}, bytes, operation, to, immediate_size(bytes), draw.word());
            break;
        }
        case 2: {  // r/m, imm8 sign-extended
            const Operand to = draw.destination(bytes);
            draw.sized({0x80}, {0x83}, bytes, operation, to, 1, draw.word());
            break;
        }
        case 3: {  // INC, DEC
            const Operand to = draw.destination(bytes);
            draw.sized({0xFE}, {0xFF}, bytes, static_cast<std::uint8_t>(draw.below(2)), to);
            break;
        }
        case 4: {  // NOT, NEG
            const Operand to = draw.destination(bytes);
            draw.sized({0xF6}, {0xF7}, bytes, static_cast<std::uint8_t>(2 + draw.below(2)), to);
            break;
        }
        default: {  // r/m, r
            const Operand to = draw.destination(bytes);
            draw.sized({opcode}, {static_cast<std::uint8_t>(opcode | 1)}, bytes, draw.source(), to);
        }
    }
}

void make_move(Draw& draw) {
    const unsigned bytes = draw.size();
    switch (draw.below(10)) {
        case 0: {
            const Operand to = draw.destination(bytes);
            draw.sized({0xC6}, {0xC7}, bytes, 0, to, immediate_size(bytes), draw.word());
            break;
        }
        case 1: {  // MOVZX, MOVSX from a byte or a word
            static constexpr std::uint8_t kOpcodes[] = {0xB6, 0xB7, 0xBE, 0xBF};
            const std::uint8_t opcode = draw.of(kOpcodes);
            const bool from_byte = (opcode & 1) == 0;
            const Operand from = draw.source_operand(from_byte ? 1 : 2);
            draw.encode.modrm({.bytes = {0x0F, opcode}, .wide = draw.chance(2)}, draw.target(),
                              from, 0, 0, from_byte);
            break;
        }
        case 2: {
            const Operand from = draw.source_operand(4);
            draw.encode.modrm({.bytes = {0x63}, .wide = true}, draw.target(), from);  // MOVSXD
            break;
        }
        case 3: {
            const Operand from = draw.memory(1);
            draw.encode.modrm({.bytes = {0x8D}, .wide = draw.chance(2)}, draw.target(),
                              from);  // LEA
            break;
        }
        case 4: {  // CMOVcc
            const unsigned wide = bytes == 1 ? 4 : bytes;
            const Operand from = draw.source_operand(wide);
            const auto opcode = static_cast<std::uint8_t>(0x40 + draw.below(16));
            draw.sized({0x0F, opcode}, {0x0F, opcode}, wide, draw.target(), from);
            break;
        }
        case 5: {  // SETcc
            const Operand to = draw.destination(1);
            draw.sized({0x0F, static_cast<std::uint8_t>(0x90 + draw.below(16))}, {}, 1, 0, to);
            break;
        }
        case 6: {  // TEST
            const Operand with = draw.source_operand(bytes);
            draw.sized({0x84}, {0x85}, bytes, draw.source(), with);
            break;
        }
        case 7: {
            const std::uint8_t reg = draw.target();
            draw.encode.modrm({.bytes = {0x0F}, .wide = draw.chance(2)}, 1,
                              draw.reg(reg));  // BSWAP: 0F C8+r has the shape of a ModR/M byte
            break;
        }
        case 8: {
            const Operand from = draw.source_operand(bytes);
            draw.sized({0x8A}, {0x8B}, bytes, draw.target(), from);
            break;
        }
        default: {
            const Operand to = draw.destination(bytes);
            draw.sized({0x88}, {0x89}, bytes, draw.source(), to);
        }
    }
}

void make_constant(Draw& draw) {
    static constexpr std::uint32_t kValues[] = {
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x3F800000};
    draw.load(draw.target(), draw.of(kValues));
}

void make_shift(Draw& draw) {
    const unsigned bytes = draw.size();
    const auto operation =
        static_cast<std::uint8_t>(draw.below(8));  // ROL ROR RCL RCR SHL SHR SAL SAR
    const Operand to = draw.destination(bytes);
    switch (draw.below(5)) {
        case 0:
            draw.sized({0xD0}, {0xD1}, bytes, operation, to);
            break;
        case 1:
            draw.sized({0xD2}, {0xD3}, bytes, operation, to);  // by CL
            break;
        case 2:
        case 3:
            draw.sized({0xC0}, {0xC1}, bytes, operation, to, 1, draw.word());
            break;
        default: {  // SHLD, SHRD
            const unsigned wide = bytes == 1 ? 4 : bytes;
            const auto opcode = static_cast<std::uint8_t>(draw.chance(2) ? 0xA4 : 0xAC);
            const auto by_cl = static_cast<std::uint8_t>(opcode + 1);
            if (draw.chance(2)) {
                draw.sized({}, {0x0F, opcode}, wide, draw.source(), to, 1, draw.word());
            } else {
                draw.sized({}, {0x0F, by_cl}, wide, draw.source(), to);
            }
        }
    }
}

void make_multiplication(Draw& draw) {
    const unsigned bytes = draw.size();
    const unsigned wide = bytes == 1 ? 4 : bytes;
    switch (draw.below(3)) {
        case 0: {  // MUL, IMUL of the accumulator
            const Operand by = draw.source_operand(bytes);
            draw.sized({0xF6}, {0xF7}, bytes, static_cast<std::uint8_t>(4 + draw.below(2)), by);
            break;
        }
        case 1: {
            const Operand by = draw.source_operand(wide);
            draw.sized({}, {0x0F, 0xAF}, wide, draw.target(), by);
            break;
        }
        default: {
            const Operand by = draw.source_operand(wide);
            draw.sized({}, {0x69}, wide, draw.target(), by, immediate_size(wide), draw.word());
        }
    }
}

void make_division(Draw& draw) {
    const unsigned bytes = draw.size();
    const bool is_signed = draw.chance(2);
    if (!draw.chance(8)) {
        // A divisor that is not 0 and a quotient that fits; else a #DE is welcome.
        draw.load(3, static_cast<std::uint32_t>(draw.word() >> 33) | 1);
        if (bytes == 1) {
            draw.encode.modrm({.bytes = {0x0F, 0xB6}}, 0, draw.reg(0), 0, 0, true);
        } else if (is_signed) {
            draw.encode.raw({0x48, 0x99});  // CQO
        } else {
            draw.encode.raw({0x31, 0xD2});  // XOR EDX, EDX
        }
    }
    draw.sized({0xF6}, {0xF7}, bytes, is_signed ? 7 : 6, draw.reg(3));
}

void make_bit(Draw& draw) {
    const unsigned bytes = draw.chance(4) ? 2 : draw.chance(2) ? 4 : 8;
    switch (draw.below(5)) {
        case 0: {  // BT BTS BTR BTC r/m, imm8
            const Operand to = draw.destination(bytes);
            draw.sized({}, {0x0F, 0xBA}, bytes, static_cast<std::uint8_t>(4 + draw.below(4)), to, 1,
                       draw.word());
            break;
        }
        case 1: {  // ... r, r
            static constexpr std::uint8_t kOpcodes[] = {0xA3, 0xAB, 0xB3, 0xBB};
            draw.sized({}, {0x0F, draw.of(kOpcodes)}, bytes, draw.source(),
                       draw.reg(draw.target()));
            break;
        }
        case 2: {  // BSF, BSR
            const Operand from = draw.source_operand(bytes);
            draw.sized({}, {0x0F, static_cast<std::uint8_t>(0xBC + draw.below(2))}, bytes,
                       draw.target(), from);
            break;
        }
        case 3: {  // POPCNT
            const Operand from = draw.source_operand(8);
            draw.encode.modrm({.prefix = 0xF3, .bytes = {0x0F, 0xB8}, .wide = draw.chance(2)},
                              draw.target(), from);
            break;
        }
        default: {  // CRC32
            const bool narrow = draw.chance(2);
            const Operand from = draw.source_operand(8);
            draw.encode.modrm(
                {.prefix = 0xF2,
                 .bytes = {0x0F, 0x38, static_cast<std::uint8_t>(narrow ? 0xF0 : 0xF1)},
                 .wide = draw.chance(2)},
                draw.target(), from, 0, 0, narrow);
        }
    }
}

void make_atomic(Draw& draw) {
    const unsigned bytes = draw.size();
    const bool lock = draw.chance(2);
    switch (draw.below(6)) {
        case 0: {
            const Operand to = draw.memory(bytes);
            draw.sized({0x86}, {0x87}, bytes, draw.target(), to);  // XCHG
            break;
        }
        case 1: {
            const Operand to = draw.memory(bytes);
            draw.sized({0x0F, 0xC0}, {0x0F, 0xC1}, bytes, draw.target(), to, 0, 0, lock);  // XADD
            break;
        }
        case 2: {
            const Operand to = draw.memory(bytes);
            draw.sized({0x0F, 0xB0}, {0x0F, 0xB1}, bytes, draw.source(), to, 0, 0,
                       lock);  // CMPXCHG
            break;
        }
        case 3: {  // CMPXCHG8B, CMPXCHG16B
            const bool wide = draw.chance(2);
            const Operand to = draw.memory(wide ? 16 : 8, wide ? 16 : 8);
            draw.encode.modrm({.bytes = {0x0F, 0xC7}, .wide = wide}, 1, to, 0, 0, false, lock);
            break;
        }
        case 4: {  // LOCK of an operation
            const auto opcode = static_cast<std::uint8_t>(draw.below(7) << 3);
            const Operand to = draw.memory(bytes);
            draw.sized({opcode}, {static_cast<std::uint8_t>(opcode | 1)}, bytes, draw.source(), to,
                       0, 0, true);
            break;
        }
        default: {  // LOCK INC, LOCK DEC
            const Operand to = draw.memory(bytes);
            draw.sized({0xFE}, {0xFF}, bytes, static_cast<std::uint8_t>(draw.below(2)), to, 0, 0,
                       true);
        }
    }
}

void make_flags(Draw& draw) {
    switch (draw.below(9)) {
        case 0:
            draw.encode.raw({0xF8});  // CLC
            break;
        case 1:
            draw.encode.raw({0xF9});  // STC
            break;
        case 2:
            draw.encode.raw({0xF5});  // CMC
            break;
        case 3:
            draw.encode.raw({0xFC});  // CLD
            break;
        case 4:
            draw.encode.raw({static_cast<std::uint8_t>(draw.chance(3) ? 0xFD : 0xFC)});  // STD
            break;
        case 5:
            draw.encode.raw({0x9F});  // LAHF
            break;
        case 6:
            draw.encode.raw({0x9E});  // SAHF
            break;
        case 7:
            draw.encode.raw({0xFB});  // STI
            break;
        default:
            draw.encode.raw({0xFA});  // CLI
    }
}

}  // namespace hvlab::conformance
