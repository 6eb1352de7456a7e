// SPDX-License-Identifier: GPL-2.0-or-later
//
// Items that touch more than registers and the window: the stack, strings, jumps, ports, devices,
// system registers, faults, code.
#include "tests/conformance/random/draw.h"
#include "tests/conformance/support/timed_guest.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint16_t kPorts[] = {0x60, 0x61, 0x80, 0x1F3, 0x3F8, 0xCFC, TimedGuest::kTimerPort};

}  // namespace

void make_stack(Draw& draw) {
    const auto rex = static_cast<std::uint8_t>(0x41);
    switch (draw.below(8)) {
        case 0: {  // PUSH r
            const std::uint8_t reg = draw.source();
            const auto low = static_cast<std::uint8_t>(0x50 | (reg & 7));
            reg < 8 ? draw.encode.raw({low}) : draw.encode.raw({rex, low});
            break;
        }
        case 1: {  // POP r
            const std::uint8_t reg = draw.target();
            const auto low = static_cast<std::uint8_t>(0x58 | (reg & 7));
            reg < 8 ? draw.encode.raw({low}) : draw.encode.raw({rex, low});
            break;
        }
        case 2:
            draw.encode.raw(
                {0x68, draw.byte(), draw.byte(), draw.byte(), draw.byte()});  // PUSH imm32
            break;
        case 3: {
            const Operand from = draw.memory(8);
            draw.encode.modrm({.bytes = {0xFF}}, 6, from);  // PUSH m64
            break;
        }
        case 4: {
            const Operand to = draw.memory(8);
            draw.encode.modrm({.bytes = {0x8F}}, 0, to);  // POP m64
            break;
        }
        case 5:
            draw.encode.raw({0x9C});  // PUSHFQ
            break;
        case 6: {
            // POPFQ of arithmetic flags, IF, DF; now and then TF, whose traps clear it again.
            const std::uint64_t flags = (draw.word() & 0x8D5) | (draw.word() & 0x200) |
                                        (draw.chance(4) ? 0x400 : 0) |
                                        (draw.chance(10) ? 0x100 : 0);
            draw.encode.raw({0x68, static_cast<std::uint8_t>(flags),
                             static_cast<std::uint8_t>(flags >> 8), 0, 0});
            draw.encode.raw({0x9D});
            break;
        }
        default: {  // [rsp + disp]
            const Operand place = {
                .kind = Operand::Kind::kBase, .reg = kStackRegister, .address = draw.below(64) * 8};
            draw.encode.modrm(
                {.bytes = {static_cast<std::uint8_t>(draw.chance(2) ? 0x8B : 0x89)}, .wide = true},
                draw.target(), place);
        }
    }
}

void make_string(Draw& draw) {
    // Source and target in the window, or one of them on the device, or running off the window.
    const auto place = [&](std::uint8_t reg) {
        const std::uint64_t at = draw.chance(10)  ? kProgramDevice + draw.below(0x1800)
                                 : draw.chance(8) ? kWindow + kWindowSize - draw.below(24)
                                                  : kWindow + 0x200 + draw.below(0xF000);
        draw.load(reg, static_cast<std::uint32_t>(at));
    };
    static constexpr std::uint8_t kOps[] = {0xA4, 0xA4, 0xAA, 0xAC, 0xA6, 0xAE, 0x6C, 0x6E};
    const std::uint8_t op = draw.of(kOps);
    const bool port = op == 0x6C || op == 0x6E;
    place(6);
    place(7);
    if (port) draw.load(2, draw.of(kPorts));
    draw.load(1, draw.below(20));
    const unsigned width = draw.below(port ? 3 : 4);
    const auto opcode = static_cast<std::uint8_t>(op + (width > 0));
    const auto repeat = static_cast<std::uint8_t>(draw.chance(3) ? 0xF2 : 0xF3);
    switch (draw.chance(6) ? 4 : width) {
        case 1:
            draw.encode.raw({0x66, repeat, opcode});
            break;
        case 3:
            draw.encode.raw({repeat, 0x48, opcode});
            break;
        case 4:
            draw.encode.raw({opcode});  // once
            break;
        default:
            draw.encode.raw({repeat, opcode});
    }
}

void make_jump(Draw& draw) {
    const unsigned skip = draw.below(5);
    const bool is_short = draw.chance(2);
    switch (draw.below(6)) {
        case 0:
            is_short ? draw.encode.jump({0xEB}, skip, true) : draw.encode.jump({0xE9}, skip, false);
            break;
        case 1:
            draw.encode.jump({0xE8}, skip, false);  // CALL
            break;
        case 2:
            draw.encode.jump({static_cast<std::uint8_t>(0xE2 + draw.below(2))}, skip,
                             true);  // LOOP
            break;
        default: {
            const auto condition = static_cast<std::uint8_t>(draw.below(16));
            if (is_short) {
                draw.encode.jump({static_cast<std::uint8_t>(0x70 | condition)}, skip, true);
            } else {
                draw.encode.jump({0x0F, static_cast<std::uint8_t>(0x80 | condition)}, skip, false);
            }
        }
    }
}

void make_port(Draw& draw) {
    if (draw.chance(2)) {
        static constexpr std::uint8_t kImmediate[] = {0x60, 0x61, 0x80, TimedGuest::kTimerPort};
        const auto opcode = static_cast<std::uint8_t>(draw.chance(2) ? 0xE4 : 0xE6);
        const auto wide = static_cast<std::uint8_t>(opcode + draw.below(2));
        draw.encode.raw({wide, draw.of(kImmediate)});
        return;
    }
    draw.load(2, draw.of(kPorts));
    const auto opcode = static_cast<std::uint8_t>((draw.chance(2) ? 0xEC : 0xEE) + draw.below(2));
    draw.chance(4) ? draw.encode.raw({0x66, opcode}) : draw.encode.raw({opcode});
}

void make_device(Draw& draw) {
    const unsigned bytes = draw.size();
    const Operand place = {.kind = Operand::Kind::kBase,
                           .reg = kDeviceRegister,
                           .address = static_cast<std::uint32_t>(draw.below(0x900))};
    switch (draw.below(5)) {
        case 0:
            draw.sized({0x88}, {0x89}, bytes, draw.source(), place);
            break;
        case 1:
            draw.sized({static_cast<std::uint8_t>(draw.below(7) << 3)},
                       {static_cast<std::uint8_t>(draw.below(7) << 3 | 1)}, bytes, draw.source(),
                       place);
            break;
        case 2:
            draw.sized({0x86}, {0x87}, bytes, draw.target(), place);  // XCHG
            break;
        case 3:
            draw.encode.modrm(
                {.bytes = {0x0F, static_cast<std::uint8_t>(draw.chance(2) ? 0x10 : 0x11)}},
                static_cast<std::uint8_t>(draw.below(16)), place);  // MOVUPS
            break;
        default:
            draw.sized({0x8A}, {0x8B}, bytes, draw.target(), place);
    }
}

void make_system(Draw& draw) {
    switch (draw.below(15)) {
        case 0:
            draw.encode.raw({0x0F, 0x31});  // RDTSC
            break;
        case 1:
            draw.encode.raw({0x0F, 0x01, 0xF9});  // RDTSCP
            break;
        case 2: {
            static constexpr std::uint32_t kLeaves[] = {0, 1,          2,          4,
                                                        7, 0x40000000, 0x80000001, 0x80000008};
            draw.load(0, draw.of(kLeaves));
            draw.load(1, draw.below(3));
            draw.encode.raw({0x0F, 0xA2});  // CPUID
            break;
        }
        case 3:  // RDRAND, RDSEED
            draw.sized({}, {0x0F, 0xC7}, draw.chance(2) ? 4 : 8, draw.chance(2) ? 6 : 7,
                       draw.reg(draw.target()));
            break;
        case 4: {  // MOV r, CR0 CR2 CR3 CR4
            static constexpr std::uint8_t kRegisters[] = {0, 2, 3, 4};
            draw.encode.modrm({.bytes = {0x0F, 0x20}}, draw.of(kRegisters),
                              draw.reg(draw.target()));
            break;
        }
        case 5: {  // the same CR3 once more
            const std::uint8_t reg = draw.target();
            draw.encode.modrm({.bytes = {0x0F, 0x20}}, 3, draw.reg(reg));
            draw.encode.modrm({.bytes = {0x0F, 0x22}}, 3, draw.reg(reg));
            break;
        }
        case 6: {
            const Operand place = draw.memory(1);
            draw.encode.modrm({.bytes = {0x0F, 0x01}}, 7, place);  // INVLPG
            break;
        }
        case 7: {  // SGDT, SIDT
            const Operand place = draw.memory(10);
            draw.encode.modrm({.bytes = {0x0F, 0x01}}, static_cast<std::uint8_t>(draw.below(2)),
                              place);
            break;
        }
        case 8: {  // SLDT, STR, VERR, VERW
            static constexpr std::uint8_t kOperations[] = {0, 1, 4, 5};
            const Operand place = draw.memory(2);
            draw.encode.modrm({.bytes = {0x0F, 0x00}}, draw.of(kOperations), place);
            break;
        }
        case 9: {  // LAR, LSL
            draw.load(3, draw.below(16) * 8 + draw.below(4));
            draw.encode.modrm({.bytes = {0x0F, static_cast<std::uint8_t>(0x02 + draw.below(2))}},
                              draw.target(), draw.reg(3));
            break;
        }
        case 10: {  // RDMSR, WRMSR: the state's, the time's, and some that there are not
            static constexpr std::uint32_t kIndices[] = {0x10,       0x174,      0x277, 0xC0000081,
                                                         0xC0000084, 0xC0000103, 0x1B,  0x12345};
            draw.load(1, draw.of(kIndices));
            if (draw.chance(3)) {
                draw.load(0, static_cast<std::uint32_t>(draw.word()));
                draw.load(2, 0);
                draw.encode.raw({0x0F, 0x30});
            } else {
                draw.encode.raw({0x0F, 0x32});
            }
            break;
        }
        case 11: {  // fences, CLFLUSH, prefetches, PAUSE
            const Operand place = draw.memory(1);
            switch (draw.below(4)) {
                case 0:
                    draw.encode.raw(
                        {0x0F, 0xAE, static_cast<std::uint8_t>(0xE8 + 8 * draw.below(3))});
                    break;
                case 1:
                    draw.encode.modrm({.bytes = {0x0F, 0xAE}}, 7, place);
                    break;
                case 2:
                    draw.encode.modrm({.bytes = {0x0F, 0x18}}, 1, place);
                    break;
                default:
                    draw.encode.raw({0xF3, 0x90});
            }
            break;
        }
        case 12: {  // FXSAVE and, of what it stored, FXRSTOR
            const Operand place = {.kind = Operand::Kind::kAbsolute, .address = kWindow + 0x800};
            const bool wide = draw.chance(2);
            draw.encode.modrm({.bytes = {0x0F, 0xAE}, .wide = wide}, 0, place);
            if (!wide) mask_selectors(draw, place, 12, 20);
            if (draw.chance(2)) draw.encode.modrm({.bytes = {0x0F, 0xAE}}, 1, place);
            break;
        }
        case 13:
            if (draw.user) {
                draw.encode.raw({0x0F, 0x05});  // SYSCALL
            } else {
                draw.encode.raw({0xF4});  // HLT
            }
            break;
        default: {  // MOV SS: its shadow
            draw.encode.modrm({.bytes = {0x8C}}, 2, draw.reg(0));
            draw.encode.modrm({.bytes = {0x8E}}, 2, draw.reg(0));
        }
    }
}

void make_fault(Draw& draw) {
    switch (draw.below(9)) {
        case 0:
            draw.encode.raw({0x0F, 0x0B});  // UD2
            break;
        case 1:
            draw.encode.raw({0xCC});  // INT3
            break;
        case 2:
            draw.encode.raw({0xCD, 0x80});
            break;
        case 3:
            draw.encode.raw({0xCD, static_cast<std::uint8_t>(0x90 + draw.below(8))});  // no gates
            break;
        case 4: {  // a page that is not there
            const Operand place = {.kind = Operand::Kind::kAbsolute,
                                   .address = kWindow + kWindowSize + draw.below(0x1000)};
            draw.sized({0x00}, {0x01}, draw.size(), draw.source(), place);
            break;
        }
        case 5: {  // a page that is not writable
            const Operand place = {.kind = Operand::Kind::kAbsolute,
                                   .address = kReadOnlyWindow + draw.below(0xFF8)};
            draw.sized({0x88}, {0x89}, draw.size(), draw.source(), place);
            break;
        }
        case 6: {  // wherever a register points
            std::uint8_t base = draw.target();
            const Operand place = {
                .kind = Operand::Kind::kBase, .reg = base, .address = draw.below(64)};
            draw.sized({0x8A}, {0x8B}, draw.size(), draw.target(), place);
            break;
        }
        case 7:
            draw.encode.raw({0x0F, 0x01, 0xD0});  // XGETBV, which the model hides
            break;
        default: {  // a null or bad selector
            draw.load(3, draw.below(8) * 8);
            draw.encode.modrm({.bytes = {0x8E}}, 3, draw.reg(3));  // MOV DS
        }
    }
}

void make_patch(Draw& draw) {
    // A store, through the writable name of the code, into the operand of a MOV: the next
    // instruction, or one behind some others.
    const std::uint8_t reg = draw.target();
    const auto begin = draw.item.bytes.size();
    const Operand alias = {.kind = Operand::Kind::kAbsolute};
    draw.encode.modrm({.bytes = {0xC7}}, 0, alias, 4, draw.word());
    draw.item.field = Item::Field::kAliasOfOwnCode;
    draw.item.field_at = static_cast<unsigned>(begin + 3);
    for (unsigned i = draw.below(3); i > 0; --i) draw.encode.raw({0x90});
    draw.encode.modrm({.bytes = {0xC7}}, 0, draw.reg(reg), 4, 0x11223344);
    draw.item.target = draw.item.bytes.size() - 4;
}

}  // namespace hvlab::conformance
