// SPDX-License-Identifier: GPL-2.0-or-later
//
// String instructions: to and from ports, over edges of memory, and faults in the middle, which
// leave RCX, RSI and RDI exactly where the iterations before have brought them (Intel SDM vol. 2,
// REP).
#include <fmt/format.h>

#include "tests/conformance/support/edges.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

enum class Op : std::uint8_t { kMovs, kStos, kLods, kIns, kOuts };

struct StringRow {
    std::string name;
    Op op;
    unsigned size;
    bool backwards;
    bool reads_memory() const { return op == Op::kMovs || op == Op::kLods || op == Op::kOuts; }
    bool writes_memory() const { return op == Op::kMovs || op == Op::kStos || op == Op::kIns; }
};

void PrintTo(const StringRow& row, std::ostream* out) {
    *out << row.name;
}

std::vector<StringRow> rows() {
    const std::pair<Op, const char*> ops[] = {{Op::kMovs, "Movs"},
                                              {Op::kStos, "Stos"},
                                              {Op::kLods, "Lods"},
                                              {Op::kIns, "Ins"},
                                              {Op::kOuts, "Outs"}};
    std::vector<StringRow> all;
    for (const auto& [op, name] : ops) {
        for (const unsigned size : {1u, 2u, 4u, 8u}) {
            if (size == 8 && (op == Op::kIns || op == Op::kOuts)) continue;
            for (const bool backwards : {false, true}) {
                all.push_back({fmt::format("{}{}{}", name, size * 8, backwards ? "Backwards" : ""),
                               op, size, backwards});
            }
        }
    }
    return all;
}

// [cld or std]; rep op; out 0xF4, al
std::vector<std::uint8_t> code_of(const StringRow& row) {
    constexpr std::uint8_t kOpcodes[] = {0xA4, 0xAA, 0xAC, 0x6C, 0x6E};
    std::vector<std::uint8_t> code{static_cast<std::uint8_t>(row.backwards ? 0xFD : 0xFC), 0xF3};
    if (row.size == 2) code.push_back(0x66);
    if (row.size == 8) code.push_back(0x48);
    const std::uint8_t opcode = kOpcodes[static_cast<std::size_t>(row.op)];
    code.push_back(static_cast<std::uint8_t>(opcode + (row.size > 1)));
    code.insert(code.end(), {0xE6, 0xF4});
    return code;
}

constexpr std::uint64_t kCount = 6;
constexpr std::uint16_t kPort = 0x60;
constexpr GuestAddress kHere = kData + 0x800;  // whichever side is not at the edge
constexpr std::uint64_t kRaxValue = 0x1716151413121110u;

class Strings : public TableTest<StringRow> {
protected:
    // Runs it with RSI and RDI as given.
    void run(Guest& guest, std::uint64_t source, std::uint64_t target) {
        const std::vector<std::uint8_t> code = code_of(row());
        guest.boot(std::as_bytes(std::span(code)));
        guest.catch_everything();
        guest.change([=](CpuState& state) {
            state.gpr[kRcx] = kCount;
            state.gpr[kRsi] = source;
            state.gpr[kRdi] = target;
            state.gpr[kRdx] = kPort;
            state.gpr[kRax] = kRaxValue;
        });
        guest.finish();
    }
    std::uint64_t step() const { return row().backwards ? -std::uint64_t{row().size} : row().size; }
    // RSI and RDI after so many iterations.
    void expect_progress(const Guest& guest, std::uint64_t done, std::uint64_t source,
                         std::uint64_t target) {
        EXPECT_EQ(guest.gpr(kRcx), kCount - done);
        EXPECT_EQ(guest.gpr(kRsi), source + (row().reads_memory() ? done * step() : 0));
        EXPECT_EQ(guest.gpr(kRdi), target + (row().writes_memory() ? done * step() : 0));
    }
    // The byte that iteration `index` writes at `offset` of its element.
    std::uint8_t written(const EdgeGuest& guest, std::uint64_t source, std::uint64_t index,
                         unsigned offset) {
        switch (row().op) {
            case Op::kMovs:
                return guest.value(source + index * step() + offset);
            case Op::kIns:
                return device_byte(kPort + offset);
            default:
                return static_cast<std::uint8_t>(kRaxValue >> offset * 8);
        }
    }
};
ON_EVERY_BACKEND_FOR(Strings, rows());

TEST_P(Strings, OverEveryEdge) {
    for (const Edge& edge : edges()) {
        for (unsigned shift = 0; shift < row().size; ++shift) {
            // Three elements before the edge, a straddling one where `shift` says so, the rest
            // behind it.
            EdgeGuest guest(backend());
            const std::uint64_t first = row().backwards ? edge.linear + 2 * row().size - shift
                                                        : edge.linear - 3 * row().size - shift;
            const std::uint64_t source =
                row().reads_memory() && !row().writes_memory() ? first : kHere;
            const std::uint64_t target = row().writes_memory() ? first : kHere;
            std::map<std::uint64_t, std::uint8_t> expected;
            std::map<GuestAddress, std::uint8_t> told;
            for (std::uint64_t i = 0; row().writes_memory() && i < kCount; ++i) {
                for (unsigned byte = 0; byte < row().size; ++byte) {
                    const std::uint64_t linear = target + i * step() + byte;
                    const std::uint8_t value = written(guest, source, i, byte);
                    const EdgeGuest::Byte at = guest.at(linear);
                    expected[linear] = at.place == Place::kRam ? value : guest.value(linear);
                    if (at.place != Place::kRam) told[at.physical] = value;
                }
            }
            std::vector<std::uint64_t> outs;
            for (std::uint64_t i = 0; row().op == Op::kOuts && i < kCount; ++i) {
                std::uint64_t value = 0;
                for (unsigned byte = 0; byte < row().size; ++byte) {
                    value |= std::uint64_t{guest.value(source + i * step() + byte)} << byte * 8;
                }
                outs.push_back(value);
            }
            run(guest, source, target);
            ASSERT_FALSE(guest.caught()) << edge.name << " vector " << guest.caught()->vector;
            expect_progress(guest, kCount, source, target);
            for (const auto& [linear, value] : expected) {
                EXPECT_EQ(guest.value(linear), value) << edge.name << " " << std::hex << linear;
            }
            std::vector<std::uint64_t> seen_outs;
            std::map<GuestAddress, std::uint8_t> seen;
            for (const Access& access : guest.handler.writes()) {
                if (access.kind == Access::kPortWrite) {
                    seen_outs.push_back(access.value);
                    continue;
                }
                for (unsigned byte = 0; byte < access.size; ++byte) {
                    seen[access.address + byte] =
                        static_cast<std::uint8_t>(access.value >> byte * 8);
                }
            }
            EXPECT_EQ(seen_outs, outs) << edge.name;
            EXPECT_EQ(seen, told) << edge.name;
        }
    }
}

// The side named by `source` or `target` runs into pages that are not present: upwards at
// kNotPresent, downwards at their end.
class StringFaults : public Strings {
protected:
    void expect_fault(bool at_target, unsigned shift) {
        EdgeGuest guest(backend());
        constexpr std::uint64_t kBehind = kNotPresent + 16 * kPageSize;
        constexpr std::uint64_t kDone = 3;
        // The element after kDone whole ones is the first with a byte that is not there.
        const std::uint64_t first =
            row().backwards ? kBehind + (kDone - 1) * row().size + (row().size - shift) % row().size
                            : kNotPresent - kDone * row().size - shift;
        const std::uint64_t source = at_target ? kHere : first;
        const std::uint64_t target = at_target ? first : kHere;
        for (std::uint64_t at = kHere - 64; at < kHere + 64; ++at)
            guest.ram.put(at, device_byte(at));
        const std::uint64_t faulting = first + kDone * step();
        run(guest, source, target);
        ASSERT_TRUE(guest.caught()) << shift;
        EXPECT_EQ(guest.caught()->vector, 14u);
        EXPECT_EQ(guest.caught()->error_code, at_target ? 2u : 0u);
        EXPECT_EQ(guest.caught()->rip, kEntry + 1) << "at the instruction, to be continued";
        EXPECT_EQ(guest.state().cr2, row().backwards || shift == 0 ? faulting : kNotPresent);
        expect_progress(guest, kDone, source, target);
        const std::size_t transfers = row().op == Op::kIns || row().op == Op::kOuts ? kDone : 0;
        EXPECT_EQ(guest.handler.accesses.size(), transfers)
            << "what cannot be completed does not reach the port";
        if (at_target) {
            for (unsigned byte = 0; byte < shift && !row().backwards; ++byte) {
                EXPECT_EQ(guest.ram.byte(faulting + byte), 0u) << "no part of it is written";
            }
        }
    }
};
ON_EVERY_BACKEND_FOR(StringFaults, rows());

TEST_P(StringFaults, LeaveTheRegistersExact) {
    for (unsigned shift = 0; shift < row().size; ++shift) {
        if (row().writes_memory()) expect_fault(true, shift);
        if (row().reads_memory()) expect_fault(false, shift);
    }
}

TEST_P(StringFaults, AreContinuedBehindTheFault) {
    // The handler maps the page and returns; the instruction goes on as if nothing had been.
    EdgeGuest guest(backend());
    const std::uint64_t first =
        row().backwards ? kNotPresent + kPageSize + 2 * row().size : kNotPresent - 3 * row().size;
    const std::vector<std::uint8_t> code = code_of(row());
    guest.ram.put(kPageTable + 0x181 * 8, std::uint64_t{0x181000 | 7});
    guest.boot(std::as_bytes(std::span(code)));
    guest.load(CODE64("mov dword ptr [0x13C00], 0x180007; add rsp, 8; iretq"), 0x3000);
    guest.set_gate({.vector = 14, .handler = 0x3000});
    guest.change([=, this](CpuState& state) {
        state.gpr[kRcx] = kCount;
        state.gpr[kRsi] = row().reads_memory() ? first : kHere;
        state.gpr[kRdi] = row().writes_memory() ? first : kHere;
        if (row().op == Op::kMovs) state.gpr[kRsi] = kHere;
        state.gpr[kRdx] = kPort;
        state.gpr[kRax] = kRaxValue;
    });
    guest.finish();
    EXPECT_EQ(guest.gpr(kRcx), 0u);
    EXPECT_EQ(guest.rip(), kEntry + code.size());
    const bool port = row().op == Op::kIns || row().op == Op::kOuts;
    EXPECT_EQ(guest.handler.accesses.size(), port ? kCount : 0u) << "each transfer once";
}

// ---- Ports and direction

class PortStrings : public GuestTest {};
ON_EVERY_BACKEND(PortStrings);

TEST_P(PortStrings, InsStoresInOrder) {
    guest().boot(CODE64("mov edx, 0x60; mov edi, 0x50001; mov ecx, 4; rep insw; out 0xF4, al"));
    std::uint64_t count = 0;
    guest().handler.answer = [&](const Access&) { return 0x1100 + count++; };
    guest().finish();
    for (unsigned i = 0; i < 4; ++i) {
        EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 1 + i * 2), 0x1100 + i);
    }
    EXPECT_EQ(guest().handler.accesses.size(), 4u);
}

TEST_P(PortStrings, WithoutRepItIsOneTransfer) {
    guest().boot(
        CODE64("mov edx, 0x60; mov edi, 0x50000; mov ecx, 4; insb; mov esi, 0x50000; outsb;"
               "out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(guest().handler.accesses,
              (std::vector<Access>{{Access::kPortRead, 0x60, 1, device_byte(0x60)},
                                   {Access::kPortWrite, 0x60, 1, device_byte(0x60)}}));
    EXPECT_EQ(guest().gpr(kRcx), 4u);
    EXPECT_EQ(guest().gpr(kRdi), kData + 1);
    EXPECT_EQ(guest().gpr(kRsi), kData + 1);
}

TEST_P(PortStrings, NothingToDoTouchesNothing) {
    // Not even pages that are not there.
    guest().boot(
        CODE64("mov edx, 0x60; mov edi, 0x180000; mov esi, edi; xor ecx, ecx;"
               "rep insb; rep outsb; rep movsq; rep stosd; out 0xF4, al"));
    guest().catch_everything();
    guest().finish();
    EXPECT_FALSE(guest().caught());
    EXPECT_TRUE(guest().handler.accesses.empty());
}

TEST_P(PortStrings, TheAddressSizeSaysWhichRegistersCount) {
    // With the prefix ECX, ESI and EDI; their upper halves count for nothing.
    guest().boot(
        CODE64("movabs rcx, 0x100000002; movabs rsi, 0x100050000; movabs rdi, 0x100051000;"
               ".byte 0xF3, 0x67, 0xA4; out 0xF4, al"));
    guest().host_put(kData, std::uint16_t{0x2211});
    guest().finish();
    EXPECT_EQ(guest().ram.get<std::uint32_t>(kData + 0x1000), 0x2211u);
    EXPECT_EQ(guest().gpr(kRcx), 0u);
    EXPECT_EQ(guest().gpr(kRsi), kData + 2);
    EXPECT_EQ(guest().gpr(kRdi), kData + 0x1002);
}

TEST_P(PortStrings, OutsTakesASegmentInsDoesNot) {
    guest().boot(CODE64("mov edx, 0x60; xor esi, esi; fs outsb; out 0xF4, al"));
    guest().host_put(kData + 7, std::uint8_t{0x5A});
    guest().change([](CpuState& state) { state.fs.base = kData + 7; });
    guest().finish();
    EXPECT_EQ(guest().handler.accesses, (std::vector<Access>{{Access::kPortWrite, 0x60, 1, 0x5A}}));
}

TEST_P(PortStrings, InsIntoRomIsReadAndReported) {
    guest().boot(CODE64("mov edx, 0x60; mov edi, 0x200000; mov ecx, 2; rep insd; out 0xF4, al"));
    Ram rom(kPageSize);
    guest().vm->map_memory(kRamSize, rom.bytes(), false);
    guest().finish();
    const std::uint64_t value = device_value(0x60, 4);
    EXPECT_EQ(guest().handler.accesses,
              (std::vector<Access>{{Access::kPortRead, 0x60, 4, value},
                                   {Access::kMemoryWrite, kRamSize, 4, value},
                                   {Access::kPortRead, 0x60, 4, value},
                                   {Access::kMemoryWrite, kRamSize + 4, 4, value}}));
    EXPECT_EQ(rom.get<std::uint64_t>(0), 0u);
    guest().vcpu.reset();
    guest().vm.reset();
}

TEST_P(PortStrings, OverlappingMovesGoByteByByte) {
    guest().boot(
        CODE64("mov esi, 0x50000; mov edi, 0x50001; mov ecx, 20; rep movsb; out 0xF4, al"));
    guest().host_put(kData, std::uint8_t{0xAB});
    guest().finish();
    for (unsigned i = 0; i <= 20; ++i) EXPECT_EQ(guest().ram.byte(kData + i), 0xAB) << i;
    EXPECT_EQ(guest().ram.byte(kData + 21), 0);
}

TEST_P(PortStrings, SixteenBitAddressesWrap) {
    guest().boot(CODE16("mov cx, 4; mov di, 0xFFFE; mov al, 0x77; rep stosb; out 0xF4, al"),
                 Mode::kReal);
    guest().change([](CpuState& state) {
        state.es.selector = kData >> 4;
        state.es.base = kData;
    });
    guest().finish();
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData), 0x7777);
    EXPECT_EQ(guest().ram.get<std::uint16_t>(kData + 0xFFFE), 0x7777);
    EXPECT_EQ(guest().ram.byte(kData + 2), 0);
    EXPECT_EQ(guest().gpr(kRdi) & 0xFFFF, 2u);
}

}  // namespace
}  // namespace hvlab::conformance
