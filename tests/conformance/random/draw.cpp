// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/draw.h"

namespace hvlab::conformance {

std::uint8_t Draw::target(bool legacy) {
    static constexpr std::uint8_t kTargets[] = {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    return kTargets[below(legacy ? 7 : std::size(kTargets))];
}

std::uint64_t Draw::window_offset(unsigned bytes, unsigned alignment) {
    // Small offsets again and again, so that what one instruction writes another reads.
    std::uint64_t offset = chance(3) ? word() % (kWindowSize - bytes) : word() % 256;
    if (chance(12)) offset = (word() % 15 + 1) * 4096 - word() % bytes;  // over a page
    if (!chance(20)) offset -= offset % alignment;
    return offset;
}

Operand Draw::memory(unsigned bytes, unsigned alignment) {
    const std::uint64_t offset = window_offset(bytes, alignment);
    if (chance(60)) {
        // Over the last byte of the window: a page fault in the middle.
        return {.kind = Operand::Kind::kAbsolute,
                .address = kWindow + kWindowSize - word() % bytes};
    }
    if (chance(40)) {
        return {.kind = Operand::Kind::kBase,
                .reg = kDeviceRegister,
                .address = static_cast<std::uint32_t>(word() % 64)};
    }
    switch (below(4)) {
        case 0:
            return {.kind = Operand::Kind::kAbsolute, .address = kWindow + offset};
        case 1:
            return {.kind = Operand::Kind::kRipRelative, .address = kWindow + offset};
        case 2: {
            // The index is small first.
            const std::uint8_t index = target();
            encode.modrm({.bytes = {0x0F, 0xB6}, .wide = true}, index, reg(source()), 0, 0, true);
            return {.kind = Operand::Kind::kIndexed,
                    .reg = kWindowRegister,
                    .index = index,
                    .scale = static_cast<std::uint8_t>(below(4)),
                    .address = static_cast<std::uint32_t>(offset % 0x4000)};
        }
        default:
            return {.kind = Operand::Kind::kBase,
                    .reg = kWindowRegister,
                    .address = static_cast<std::uint32_t>(offset - kWindowSize / 2)};
    }
}

Operand Draw::destination(unsigned bytes) {
    return chance(2) ? reg(target()) : memory(bytes);
}

Operand Draw::source_operand(unsigned bytes) {
    return chance(2) ? reg(source()) : memory(bytes);
}

void Draw::sized(std::initializer_list<std::uint8_t> narrow,
                 std::initializer_list<std::uint8_t> wide, unsigned bytes, std::uint8_t reg_field,
                 const Operand& rm, unsigned immediate_size, std::uint64_t immediate, bool lock) {
    const Opcode opcode = {.prefix = static_cast<std::uint8_t>(bytes == 2 ? 0x66 : 0),
                           .bytes = bytes == 1 ? narrow : wide,
                           .wide = bytes == 8};
    encode.modrm(opcode, reg_field, rm, immediate_size, immediate, bytes == 1, lock);
}

void Draw::load(std::uint8_t number, std::uint32_t value) {
    encode.modrm({.bytes = {0xC7}}, 0, reg(number), 4, value);
}

}  // namespace hvlab::conformance
