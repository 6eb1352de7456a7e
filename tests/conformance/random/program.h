// SPDX-License-Identifier: GPL-2.0-or-later
//
// A generated program: a list of items that keep their meaning when others are taken out, so that a
// failing program can be shrunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hvlab::conformance {

// Where a program runs; linear addresses.
inline constexpr std::uint64_t kProgramCode = 0x400000;   // read only
inline constexpr std::uint64_t kProgramAlias = 0x500000;  // the same pages, writable
inline constexpr std::uint64_t kProgramCodeSize = 0x8000;
inline constexpr std::uint64_t kWindow = 0x600000;  // the data window; missing pages around it
inline constexpr std::uint64_t kWindowSize = 0x10000;
inline constexpr std::uint64_t kReadOnlyWindow = 0x620000;  // its first page, not writable
inline constexpr std::uint64_t kProgramStack = 0x6F0000;
inline constexpr std::uint64_t kProgramStackSize = 0x8000;
inline constexpr std::uint64_t kProgramDevice = 0x7F0000;  // two pages of device

// One or a few instructions that belong together, such as a division and what makes it possible.
struct Item {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> lengths;  // of each instruction in `bytes`

    // A jump behind the next `skip` items; its displacement, of one byte (`short_jump`) or four, is
    // not in `bytes` but in the last of `lengths`.
    unsigned skip = 0;
    bool jumps = false;
    bool short_jump = false;

    // A 32-bit field to be filled in when the place of the item is known.
    enum class Field : std::uint8_t { kNone, kRipRelative, kAliasOfOwnCode };
    Field field = Field::kNone;
    unsigned field_at = 0;     // offset in `bytes`
    unsigned field_end = 0;    // kRipRelative: end of its instruction
    std::uint64_t target = 0;  // kRipRelative: linear; kAliasOfOwnCode: offset in `bytes`
};

struct Program {
    bool user = false;  // runs at CPL 3
    std::uint64_t seed = 0;
    std::vector<Item> items;

    std::size_t instructions() const;
};

// A program in place; it ends by a write to kStopPort.
struct Layout {
    std::vector<std::uint8_t> code;
    // For each byte that an instruction begins at: the offset of the next one (Intel SDM vol. 3
    // s. 6.5: where a fault's handler goes on that gives the instruction up).
    std::vector<std::uint16_t> next;
};

Layout lay_out(const Program& program);

// One line an instruction, in the manuals' syntax.
std::string disassemble(const Layout& layout);

}  // namespace hvlab::conformance
