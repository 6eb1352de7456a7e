// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87, MMX and SSE items. What an opcode's prefixes do not define is #UD, and skipped.
#include "tests/conformance/random/draw.h"

namespace hvlab::conformance {
namespace {

// 66h, F3h, F2h or none, as bits.
enum Prefixes : std::uint8_t { kNone = 1, k66 = 2, kF3 = 4, kF2 = 8 };

struct VectorOpcode {
    std::uint8_t opcode;
    std::uint8_t prefixes;
    bool immediate = false;
};

// 0F xx with an XMM (or, without prefix in the integer ones, MMX) register and r/m.
constexpr VectorOpcode kTwoByte[] = {
    {0x10, kNone | k66 | kF3 | kF2},
    {0x12, kF3 | kF2},
    {0x14, kNone | k66},
    {0x15, kNone | k66},
    {0x16, kF3},
    {0x2E, kNone | k66},
    {0x2F, kNone | k66},
    {0x51, kNone | k66 | kF3 | kF2},
    {0x54, kNone | k66},
    {0x55, kNone | k66},
    {0x56, kNone | k66},
    {0x57, kNone | k66},
    {0x58, kNone | k66 | kF3 | kF2},
    {0x59, kNone | k66 | kF3 | kF2},
    {0x5A, kNone | k66 | kF3 | kF2},
    {0x5B, kNone | k66 | kF3},
    {0x5C, kNone | k66 | kF3 | kF2},
    {0x5D, kNone | k66 | kF3 | kF2},
    {0x5E, kNone | k66 | kF3 | kF2},
    {0x5F, kNone | k66 | kF3 | kF2},
    {0x52, kNone | kF3},
    {0x53, kNone | kF3},
    {0x60, k66},
    {0x61, k66},
    {0x62, k66},
    {0x63, k66},
    {0x64, k66},
    {0x65, k66},
    {0x66, k66},
    {0x67, k66},
    {0x68, k66},
    {0x69, k66},
    {0x6A, k66},
    {0x6B, k66},
    {0x6C, k66},
    {0x6D, k66},
    {0x6F, k66 | kF3},
    {0x70, k66 | kF3 | kF2, true},
    {0x74, k66},
    {0x75, k66},
    {0x76, k66},
    {0x7C, k66 | kF2},
    {0x7D, k66 | kF2},
    {0xC2, kNone | k66 | kF3 | kF2, true},
    {0xC6, kNone | k66, true},
    {0xD0, k66 | kF2},
    {0xD1, k66},
    {0xD2, k66},
    {0xD3, k66},
    {0xD4, k66},
    {0xD5, k66},
    {0xD8, k66},
    {0xD9, k66},
    {0xDA, k66},
    {0xDB, k66},
    {0xDC, k66},
    {0xDD, k66},
    {0xDE, k66},
    {0xDF, k66},
    {0xE0, k66},
    {0xE1, k66},
    {0xE2, k66},
    {0xE3, k66},
    {0xE4, k66},
    {0xE5, k66},
    {0xE6, k66 | kF3 | kF2},
    {0xE8, k66},
    {0xE9, k66},
    {0xEA, k66},
    {0xEB, k66},
    {0xEC, k66},
    {0xED, k66},
    {0xEE, k66},
    {0xEF, k66},
    {0xF1, k66},
    {0xF2, k66},
    {0xF3, k66},
    {0xF4, k66},
    {0xF5, k66},
    {0xF6, k66},
    {0xF8, k66},
    {0xF9, k66},
    {0xFA, k66},
    {0xFB, k66},
    {0xFC, k66},
    {0xFD, k66},
    {0xFE, k66},
};

// Stores: 0F xx, memory only or either.
constexpr VectorOpcode kStores[] = {
    {0x11, kNone | k66 | kF3 | kF2},
    {0x13, kNone | k66},
    {0x17, kNone | k66},
    {0x29, kNone | k66},
    {0x2B, kNone | k66},
    {0x7F, k66 | kF3},
    {0xD6, k66},
    {0xE7, k66},
};

// 66 0F 38 xx: SSSE3 and SSE4.
constexpr std::uint8_t kThreeByte38[] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x10, 0x14, 0x15,
    0x17, 0x1C, 0x1D, 0x1E, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x2B, 0x30, 0x31,
    0x32, 0x33, 0x34, 0x35, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41,
};

// 66 0F 3A xx ib.
constexpr std::uint8_t kThreeByte3A[] = {
    0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x21, 0x40, 0x41, 0x42, 0x62, 0x63, 0x60, 0x61,
};

// MMX: 0F xx without prefix.
constexpr std::uint8_t kMmx[] = {
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6F, 0x74,
    0x75, 0x76, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE,
    0xDF, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE8, 0xE9, 0xEA, 0xEB, 0xEC, 0xED, 0xEE,
    0xEF, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE,
};

std::uint8_t draw_prefix(Draw& draw, std::uint8_t allowed) {
    static constexpr std::uint8_t kBytes[] = {0, 0x66, 0xF3, 0xF2};
    for (;;) {
        const unsigned index = draw.below(4);
        if ((allowed >> index & 1) != 0) return kBytes[index];
    }
}

std::uint8_t xmm(Draw& draw) {
    return static_cast<std::uint8_t>(draw.below(16));
}

Operand xmm_or_memory(Draw& draw) {
    return draw.chance(2) ? draw.reg(xmm(draw)) : draw.memory(16, 16);
}

void two_byte(Draw& draw) {
    const VectorOpcode& choice = kTwoByte[draw.below(std::size(kTwoByte))];
    const std::uint8_t prefix = draw_prefix(draw, choice.prefixes);
    const Operand from = xmm_or_memory(draw);
    draw.encode.modrm({.prefix = prefix, .bytes = {0x0F, choice.opcode}}, xmm(draw), from,
                      choice.immediate ? 1 : 0, draw.word());
}

void store(Draw& draw) {
    const VectorOpcode& choice = kStores[draw.below(std::size(kStores))];
    const std::uint8_t prefix = draw_prefix(draw, choice.prefixes);
    const Operand to = draw.memory(16, 16);
    draw.encode.modrm({.prefix = prefix, .bytes = {0x0F, choice.opcode}}, xmm(draw), to);
}

void three_byte(Draw& draw) {
    const Operand from = xmm_or_memory(draw);
    if (draw.chance(3)) {
        draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0x3A, draw.of(kThreeByte3A)}}, xmm(draw),
                          from, 1, draw.word());
    } else {
        draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0x38, draw.of(kThreeByte38)}}, xmm(draw),
                          from);
    }
}

// Between vector and general registers.
void convert(Draw& draw) {
    const bool wide = draw.chance(2);
    const auto scalar = static_cast<std::uint8_t>(draw.chance(2) ? 0xF3 : 0xF2);
    switch (draw.below(7)) {
        case 0: {
            const Operand from = draw.source_operand(8);
            draw.encode.modrm({.prefix = scalar, .bytes = {0x0F, 0x2A}, .wide = wide}, xmm(draw),
                              from);
            break;
        }
        case 1:
            draw.encode.modrm(
                {.prefix = scalar,
                 .bytes = {0x0F, static_cast<std::uint8_t>(draw.chance(2) ? 0x2C : 0x2D)},
                 .wide = wide},
                draw.target(), draw.reg(xmm(draw)));
            break;
        case 2: {
            const Operand from = draw.source_operand(8);
            draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0x6E}, .wide = wide}, xmm(draw),
                              from);
            break;
        }
        case 3: {
            const Operand to = draw.destination(8);
            draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0x7E}, .wide = wide}, xmm(draw), to);
            break;
        }
        case 4:  // MOVMSKPS, MOVMSKPD, PMOVMSKB
            draw.encode.modrm(
                {.prefix = static_cast<std::uint8_t>(wide ? 0x66 : 0), .bytes = {0x0F, 0x50}},
                draw.target(), draw.reg(xmm(draw)));
            break;
        case 5:  // PINSRW, PEXTRW
            if (wide) {
                const Operand from = draw.source_operand(2);
                draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0xC4}}, xmm(draw), from, 1,
                                  draw.word());
            } else {
                draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0xC5}}, draw.target(),
                                  draw.reg(xmm(draw)), 1, draw.word());
            }
            break;
        default: {  // PEXTRB-Q, PINSRB-Q
            static constexpr std::uint8_t kOpcodes[] = {0x14, 0x15, 0x16, 0x17, 0x20, 0x22};
            const std::uint8_t opcode = draw.of(kOpcodes);
            const Operand place = opcode < 0x20 ? draw.destination(8) : draw.source_operand(8);
            draw.encode.modrm({.prefix = 0x66, .bytes = {0x0F, 0x3A, opcode}, .wide = wide},
                              xmm(draw), place, 1, draw.word());
        }
    }
}

// MXCSR with every exception masked: rounding, flush-to-zero, denormals-are-zero.
void control(Draw& draw) {
    if (draw.chance(2)) {
        const Operand to = draw.memory(4);
        draw.encode.modrm({.bytes = {0x0F, 0xAE}}, 3, to);  // STMXCSR
        return;
    }
    const auto value = static_cast<std::uint32_t>(0x1F80 | (draw.word() & 0xE07F));
    const Operand place = {.kind = Operand::Kind::kAbsolute, .address = kWindow + 0xF00};
    draw.encode.modrm({.bytes = {0xC7}}, 0, place, 4, value);
    draw.encode.modrm({.bytes = {0x0F, 0xAE}}, 2, place);  // LDMXCSR
}

}  // namespace

// The selectors of the last x87 instruction and its operand are not part of CpuState: what FNSTENV
// and the like have stored of them is cleared at once.
void mask_selectors(Draw& draw, const Operand& place, unsigned code, unsigned data) {
    for (const unsigned offset : {code, data}) {
        Operand selector = place;
        selector.address += offset;
        draw.encode.modrm({.prefix = 0x66, .bytes = {0xC7}}, 0, selector, 2, 0);
    }
}

void make_sse(Draw& draw) {
    switch (draw.below(12)) {
        case 0:
        case 1:
            store(draw);
            break;
        case 2:
        case 3:
        case 4:
            three_byte(draw);
            break;
        case 5:
        case 6:
            convert(draw);
            break;
        case 7:
            control(draw);
            break;
        default:
            two_byte(draw);
    }
}

void make_mmx(Draw& draw) {
    const auto reg = static_cast<std::uint8_t>(draw.below(8));
    switch (draw.below(8)) {
        case 0: {
            const Operand to = draw.memory(8);
            draw.encode.modrm({.bytes = {0x0F, 0x7F}}, reg, to);  // MOVQ
            break;
        }
        case 1:
            draw.encode.modrm({.bytes = {0x0F, 0x6E}, .wide = draw.chance(2)}, reg,
                              draw.reg(draw.source()));
            break;
        case 2:
            draw.encode.modrm({.bytes = {0x0F, 0x7E}, .wide = draw.chance(2)}, reg,
                              draw.reg(draw.target()));
            break;
        case 3:
            draw.encode.raw({0x0F, 0x77});  // EMMS
            break;
        case 4: {  // PSHUFW
            const Operand from = draw.memory(8);
            draw.encode.modrm({.bytes = {0x0F, 0x70}}, reg, from, 1, draw.word());
            break;
        }
        case 5: {  // shifts by an immediate
            static constexpr std::uint8_t kOpcodes[] = {0x71, 0x72, 0x73};
            static constexpr std::uint8_t kOperations[] = {2, 4, 6};
            draw.encode.modrm({.bytes = {0x0F, draw.of(kOpcodes)}}, draw.of(kOperations),
                              draw.reg(reg), 1, draw.word() % 70);
            break;
        }
        default: {
            const Operand from = draw.chance(2) ? draw.reg(static_cast<std::uint8_t>(draw.below(8)))
                                                : draw.memory(8);
            draw.encode.modrm({.bytes = {0x0F, draw.of(kMmx)}}, reg, from);
        }
    }
}

void make_x87(Draw& draw) {
    const auto escape = static_cast<std::uint8_t>(0xD8 + draw.below(8));
    switch (draw.below(8)) {
        case 0: {  // loads, stores and arithmetic with memory
            const Operand place = draw.memory(10);
            auto operation = static_cast<std::uint8_t>(draw.below(8));
            // FLDENV, FLDCW, FRSTOR and their stores: below, with values that make sense.
            if ((escape == 0xD9 && operation >= 4) || (escape == 0xDD && operation >= 4)) {
                operation = static_cast<std::uint8_t>(operation % 4);
            }
            draw.encode.modrm({.bytes = {escape}}, operation, place);
            break;
        }
        case 1: {  // FNSTCW, FNSTENV, FNSAVE
            const Operand place = {.kind = Operand::Kind::kAbsolute,
                                   .address = kWindow + 0x400 + draw.below(0x300)};
            const unsigned which = draw.below(3);
            draw.encode.modrm({.bytes = {static_cast<std::uint8_t>(which == 2 ? 0xDD : 0xD9)}},
                              which == 0 ? 7 : 6, place);
            if (which != 0) mask_selectors(draw, place, 16, 24);
            break;
        }
        case 2: {  // FLDCW: rounding and precision; now and then an exception unmasked
            const auto unmasked =
                static_cast<std::uint32_t>(draw.chance(8) ? draw.word() & 0x3F : 0);
            const auto value =
                static_cast<std::uint32_t>((0x7F | (draw.word() & 0xF00)) & ~unmasked);
            const Operand place = {.kind = Operand::Kind::kAbsolute, .address = kWindow + 0xF10};
            draw.encode.modrm({.bytes = {0xC7}}, 0, place, 4, value);
            draw.encode.modrm({.bytes = {0xD9}}, 5, place);
            break;
        }
        case 3:
            draw.encode.raw({0xDF, 0xE0});  // FNSTSW AX
            break;
        case 4:
            if (draw.chance(2)) {
                draw.encode.raw({0xDB, static_cast<std::uint8_t>(draw.chance(2) ? 0xE2 : 0xE3)});
                break;  // FNCLEX, FNINIT
            }
            [[fallthrough]];
        default:  // registers: whatever there is
            draw.encode.raw({escape, static_cast<std::uint8_t>(0xC0 + draw.below(64))});
    }
}

}  // namespace hvlab::conformance
