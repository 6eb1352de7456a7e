// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/encoder.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint8_t kRex = 0x40;
constexpr std::uint8_t kRexW = 8, kRexR = 4, kRexX = 2, kRexB = 1;

std::uint8_t modrm_byte(unsigned mod, unsigned reg, unsigned rm) {
    return static_cast<std::uint8_t>(mod << 6 | (reg & 7) << 3 | (rm & 7));
}

}  // namespace

void Encoder::put(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) put(static_cast<std::uint8_t>(value >> i * 8));
}

void Encoder::close(std::size_t start, unsigned more) {
    item_.lengths.push_back(static_cast<std::uint8_t>(item_.bytes.size() - start + more));
}

void Encoder::raw(std::initializer_list<std::uint8_t> bytes) {
    const std::size_t start = item_.bytes.size();
    item_.bytes.insert(item_.bytes.end(), bytes);
    close(start);
}

void Encoder::jump(std::initializer_list<std::uint8_t> opcode, unsigned skip, bool is_short) {
    const std::size_t start = item_.bytes.size();
    item_.bytes.insert(item_.bytes.end(), opcode);
    item_.jumps = true;
    item_.short_jump = is_short;
    item_.skip = skip;
    close(start, is_short ? 1 : 4);
}

void Encoder::modrm(const Opcode& opcode, std::uint8_t reg, const Operand& rm,
                    unsigned immediate_size, std::uint64_t immediate, bool byte_registers,
                    bool lock) {
    const std::size_t start = item_.bytes.size();
    if (lock) put(0xF0);
    if (opcode.prefix != 0) put(opcode.prefix);
    std::uint8_t rex = 0;
    if (opcode.wide) rex |= kRexW;
    if ((reg & 8) != 0) rex |= kRexR;
    if (rm.kind == Operand::Kind::kIndexed && (rm.index & 8) != 0) rex |= kRexX;
    const bool has_base =
        rm.kind != Operand::Kind::kAbsolute && rm.kind != Operand::Kind::kRipRelative;
    if (has_base && (rm.reg & 8) != 0) rex |= kRexB;
    const bool low_byte = byte_registers && (reg >= 4 || (!rm.memory() && rm.reg >= 4));
    if (rex != 0 || low_byte) put(static_cast<std::uint8_t>(kRex | rex));
    for (const std::uint8_t byte : opcode.bytes) put(byte);
    operand(reg, rm, immediate_size);
    put(immediate, immediate_size);
    close(start);
}

void Encoder::operand(std::uint8_t reg, const Operand& rm, unsigned immediate_size) {
    constexpr unsigned kSib = 4, kNoBase = 5, kNoIndex = 4;
    switch (rm.kind) {
        case Operand::Kind::kRegister:
            put(modrm_byte(3, reg, rm.reg));
            return;
        case Operand::Kind::kAbsolute:
            put(modrm_byte(0, reg, kSib));
            put(modrm_byte(0, kNoIndex, kNoBase));
            break;
        case Operand::Kind::kBase:
            put(modrm_byte(2, reg, rm.reg));
            if ((rm.reg & 7) == kSib) put(modrm_byte(0, kNoIndex, rm.reg));
            break;
        case Operand::Kind::kIndexed:
            put(modrm_byte(2, reg, kSib));
            put(modrm_byte(rm.scale, rm.index, rm.reg));
            break;
        case Operand::Kind::kRipRelative:
            put(modrm_byte(0, reg, kNoBase));
            item_.field = Item::Field::kRipRelative;
            item_.field_at = static_cast<unsigned>(item_.bytes.size());
            item_.field_end = item_.field_at + 4 + immediate_size;
            item_.target = rm.address;
            put(0, 4);
            return;
    }
    put(rm.address, 4);
}

}  // namespace hvlab::conformance
