// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/program.h"

#include <capstone/capstone.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/status.h"

namespace hvlab::conformance {
namespace {

std::size_t displacement_size(const Item& item) {
    return !item.jumps ? 0 : item.short_jump ? 1 : 4;
}

std::size_t size_of(const Item& item) {
    return item.bytes.size() + displacement_size(item);
}

void put32(std::vector<std::uint8_t>& code, std::size_t at, std::uint64_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    std::memcpy(code.data() + at, &word, sizeof word);
}

void append(Layout& layout, const Item& item, const std::vector<std::size_t>& starts,
            std::size_t index) {
    const std::size_t at = starts[index];
    layout.code.insert(layout.code.end(), item.bytes.begin(), item.bytes.end());
    if (item.field == Item::Field::kRipRelative) {
        put32(layout.code, at + item.field_at, item.target - (kProgramCode + at + item.field_end));
    } else if (item.field == Item::Field::kAliasOfOwnCode) {
        put32(layout.code, at + item.field_at, kProgramAlias + at + item.target);
    }
    if (item.jumps) {
        const std::size_t to = starts[std::min(index + 1 + item.skip, starts.size() - 1)];
        const std::size_t distance = to - starts[index + 1];
        layout.code.resize(layout.code.size() + displacement_size(item));
        if (item.short_jump) {
            // Too far for one byte: to the next instruction instead.
            layout.code.back() = static_cast<std::uint8_t>(distance < 128 ? distance : 0);
        } else {
            put32(layout.code, layout.code.size() - 4, distance);
        }
    }
    std::size_t instruction = at;
    for (const std::uint8_t length : item.lengths) {
        layout.next.resize(instruction + 1);
        layout.next[instruction] = static_cast<std::uint16_t>(instruction + length);
        instruction += length;
    }
    HVLAB_ASSERT(instruction == starts[index + 1]);
}

}  // namespace

std::size_t Program::instructions() const {
    std::size_t count = 0;
    for (const Item& item : items) count += item.lengths.size();
    return count;
}

Layout lay_out(const Program& program) {
    std::vector<std::size_t> starts = {0};
    for (const Item& item : program.items) starts.push_back(starts.back() + size_of(item));
    HVLAB_ASSERT(starts.back() + 4 <= kProgramCodeSize);
    Layout layout;
    for (std::size_t i = 0; i < program.items.size(); ++i) {
        append(layout, program.items[i], starts, i);
    }
    layout.next.resize(layout.code.size() + 1);
    layout.next.back() = static_cast<std::uint16_t>(layout.code.size());
    layout.code.insert(layout.code.end(), {0xE6, 0xF4, 0xEB, 0xFE});  // OUT F4h, AL; JMP $
    return layout;
}

std::string disassemble(const Layout& layout) {
    csh engine = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK) return "(no disassembler)\n";
    std::string text;
    std::size_t at = 0;
    while (at + 4 < layout.code.size()) {
        const std::size_t length = layout.next[at] - at;
        cs_insn* found = nullptr;
        const bool known =
            cs_disasm(engine, layout.code.data() + at, length, kProgramCode + at, 1, &found) == 1;
        std::string bytes;
        for (std::size_t i = 0; i < length; ++i) {
            bytes += fmt::format("{:02x} ", layout.code[at + i]);
        }
        text += fmt::format("  {:06x}  {:<36}{} {}\n", kProgramCode + at, bytes,
                            known ? found->mnemonic : "(bytes)", known ? found->op_str : "");
        if (known) cs_free(found, 1);
        at += length;
    }
    cs_close(&engine);
    return text;
}

}  // namespace hvlab::conformance
