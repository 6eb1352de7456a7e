// SPDX-License-Identifier: GPL-2.0-or-later
//
// Accesses that straddle an edge of memory: the same in every width. Each byte of the access goes
// where its address says, once: RAM is read and written, ROM read and its writes reported, and
// devices asked. What faults has no effect at all (Intel SDM vol. 3 s. 6.5).
#include <fmt/format.h>

#include "tests/conformance/support/edges.h"
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

struct EdgeRow {
    std::string name;
    Edge edge;
    bool write;
    unsigned size;
};

void PrintTo(const EdgeRow& row, std::ostream* out) {
    *out << row.name;
}

std::vector<EdgeRow> rows() {
    std::vector<EdgeRow> all;
    for (const Edge& edge : edges()) {
        for (const bool write : {false, true}) {
            for (const unsigned size : {1u, 2u, 4u, 8u, 16u}) {
                all.push_back(
                    {fmt::format("{}_{}{}", edge.name, write ? "Write" : "Read", size * 8), edge,
                     write, size});
            }
        }
    }
    return all;
}

// [rdi] to or from AL, AX, EAX, RAX or XMM0; then the end.
std::span<const std::byte> load_of(unsigned size) {
    switch (size) {
        case 1:
            return CODE64("mov al, [rdi]; out 0xF4, al");
        case 2:
            return CODE64("mov ax, [rdi]; out 0xF4, al");
        case 4:
            return CODE64("mov eax, [rdi]; out 0xF4, al");
        case 8:
            return CODE64("mov rax, [rdi]; out 0xF4, al");
        case 10:
            return CODE64("fld tbyte ptr [rdi]; out 0xF4, al");
        default:
            return CODE64("movups xmm0, [rdi]; out 0xF4, al");
    }
}
std::span<const std::byte> store_of(unsigned size) {
    switch (size) {
        case 1:
            return CODE64("mov [rdi], al; out 0xF4, al");
        case 2:
            return CODE64("mov [rdi], ax; out 0xF4, al");
        case 4:
            return CODE64("mov [rdi], eax; out 0xF4, al");
        case 8:
            return CODE64("mov [rdi], rax; out 0xF4, al");
        case 10:
            return CODE64("fstp tbyte ptr [rdi]; out 0xF4, al");
        default:
            return CODE64("movups [rdi], xmm0; out 0xF4, al");
    }
}

constexpr FpuState::XmmRegister kStored = {0x1716151413121110, 0x1F1E1D1C1B1A1918};
std::uint8_t stored(unsigned index) {
    return static_cast<std::uint8_t>(0x10 + index);
}

void start(Guest& guest, std::span<const std::byte> code, std::uint64_t address) {
    guest.boot(code);
    guest.catch_everything();
    guest.change([=](CpuState& state) {
        state.gpr[kRdi] = address;
        state.gpr[kRax] = kStored[0];
        state.fpu.xmm[0] = kStored;
    });
}

// What the guest read, byte by byte.
std::uint8_t loaded(const CpuState& state, unsigned size, unsigned index) {
    const std::uint64_t word = size == 16 ? state.fpu.xmm[0][index / 8] : state.gpr[kRax];
    return static_cast<std::uint8_t>(word >> index % 8 * 8);
}

class Edges : public TableTest<EdgeRow> {
protected:
    // An access that begins `before` bytes before the edge.
    void read(unsigned before) {
        EdgeGuest guest(backend());
        const std::uint64_t from = row().edge.linear - before;
        start(guest, load_of(row().size), from);
        guest.finish();
        ASSERT_FALSE(guest.caught()) << "vector " << guest.caught()->vector;
        const CpuState state = guest.state();
        std::map<GuestAddress, std::uint8_t> asked;
        for (unsigned i = 0; i < row().size; ++i) {
            EXPECT_EQ(loaded(state, row().size, i), guest.value(from + i)) << before << " " << i;
            const EdgeGuest::Byte byte = guest.at(from + i);
            if (byte.host == nullptr) asked[byte.physical] = guest.value(from + i);
        }
        EXPECT_EQ(guest.handled(false), asked);
        EXPECT_TRUE(guest.handler.writes().empty());
    }
    void write(unsigned before) {
        EdgeGuest guest(backend());
        const std::uint64_t from = row().edge.linear - before;
        std::map<std::uint64_t, std::uint8_t> expected;
        for (std::uint64_t at = from - 32; at != from + 48; ++at) expected[at] = guest.value(at);
        std::map<GuestAddress, std::uint8_t> told;
        for (unsigned i = 0; i < row().size; ++i) {
            const EdgeGuest::Byte byte = guest.at(from + i);
            if (byte.place == Place::kRam) {
                expected[from + i] = stored(i);
            } else {
                told[byte.physical] = stored(i);
            }
        }
        start(guest, store_of(row().size), from);
        guest.finish();
        ASSERT_FALSE(guest.caught()) << "vector " << guest.caught()->vector;
        for (const auto& [address, value] : expected) {
            EXPECT_EQ(guest.value(address), value) << before << ": " << std::hex << address;
        }
        EXPECT_EQ(guest.handled(true), told);
        EXPECT_TRUE(guest.handler.reads().empty());
    }
};
ON_EVERY_BACKEND_FOR(Edges, rows());

TEST_P(Edges, Access) {
    for (unsigned before = 0; before <= row().size; ++before) {
        row().write ? write(before) : read(before);
    }
}

// ---- Read-modify-write

struct ModifyRow {
    std::string name;
    Edge edge;
    unsigned size;
};
void PrintTo(const ModifyRow& row, std::ostream* out) {
    *out << row.name;
}
std::vector<ModifyRow> modify_rows() {
    std::vector<ModifyRow> all;
    for (const Edge& edge : edges()) {
        for (const unsigned size : {2u, 4u, 8u}) {
            all.push_back({fmt::format("{}_{}", edge.name, size * 8), edge, size});
        }
    }
    return all;
}

class EdgesModified : public TableTest<ModifyRow> {};
ON_EVERY_BACKEND_FOR(EdgesModified, modify_rows());

TEST_P(EdgesModified, Once) {
    const auto code = row().size == 2   ? CODE64("add [rdi], ax; out 0xF4, al")
                      : row().size == 4 ? CODE64("add [rdi], eax; out 0xF4, al")
                                        : CODE64("add [rdi], rax; out 0xF4, al");
    for (unsigned before = 1; before < row().size; ++before) {
        EdgeGuest guest(backend());
        const std::uint64_t from = row().edge.linear - before;
        std::uint64_t sum = kStored[0];
        for (unsigned i = 0; i < row().size; ++i) {
            sum += std::uint64_t{guest.value(from + i)} << i * 8;
        }
        std::map<GuestAddress, std::uint8_t> told;
        std::vector<std::uint8_t> expected;
        for (unsigned i = 0; i < row().size; ++i) {
            const EdgeGuest::Byte byte = guest.at(from + i);
            const auto result = static_cast<std::uint8_t>(sum >> i * 8);
            expected.push_back(byte.place == Place::kRam ? result : guest.value(from + i));
            if (byte.place != Place::kRam) told[byte.physical] = result;
        }
        start(guest, code, from);
        guest.finish();
        for (unsigned i = 0; i < row().size; ++i) {
            EXPECT_EQ(guest.value(from + i), expected[i]) << before << " " << i;
        }
        EXPECT_EQ(guest.handled(true), told) << before;
    }
}

// ---- Page faults in the second half

struct FaultRow {
    std::string name;
    Mode mode;
    bool write;
    unsigned size;
};
void PrintTo(const FaultRow& row, std::ostream* out) {
    *out << row.name;
}
std::vector<FaultRow> fault_rows() {
    std::vector<FaultRow> all;
    for (const Mode mode : {Mode::kLong, Mode::kPaged32, Mode::kPae32}) {
        for (const bool write : {false, true}) {
            for (const unsigned size : {1u, 2u, 4u, 8u, 10u, 16u}) {
                if (mode != Mode::kLong && size == 8) continue;
                all.push_back(
                    {fmt::format("{}_{}{}", to_string(mode), write ? "Write" : "Read", size * 8),
                     mode, write, size});
            }
        }
    }
    return all;
}

class FaultingEdges : public TableTest<FaultRow> {
protected:
    void SetUp() override {
        TableTest::SetUp();
        if (needs_legacy_paging(row().mode)) NEEDS(Feature::kLegacyPaging);
    }
    void expect_fault(std::uint64_t from, std::uint64_t cr2) {
        Guest guest(backend());
        guest.boot(row().write ? store_of(row().size) : load_of(row().size), row().mode);
        guest.catch_everything();
        for (std::uint64_t at = from - 32; at != from + 48; ++at) {
            guest.ram.put(at, device_byte(at));
        }
        guest.change([=](CpuState& state) {
            state.gpr[kRdi] = from;
            state.gpr[kRax] = kStored[0];
            state.fpu.xmm[0] = kStored;
        });
        guest.finish();
        ASSERT_TRUE(guest.caught());
        EXPECT_EQ(guest.caught()->vector, 14u);
        EXPECT_EQ(guest.caught()->error_code, row().write ? 2u : 0u);
        EXPECT_EQ(guest.caught()->rip, kEntry);
        EXPECT_EQ(guest.state().cr2, cr2) << std::hex << from;
        EXPECT_EQ(guest.gpr(kRax), kStored[0]);
        for (std::uint64_t at = from - 32; at != from + 48; ++at) {
            EXPECT_EQ(guest.ram.byte(at), device_byte(at)) << std::hex << at;
        }
    }
};
ON_EVERY_BACKEND_FOR(FaultingEdges, fault_rows());

TEST_P(FaultingEdges, HaveNoEffect) {
    constexpr std::uint64_t kEnd = kNotPresent + 16 * kPageSize;
    for (unsigned before = 0; before < row().size; ++before) {
        expect_fault(kNotPresent - before, kNotPresent);
    }
    // The page that is missing is the first: the address of the access itself.
    for (unsigned before = 1; before <= row().size; ++before) {
        expect_fault(kEnd - before, kEnd - before);
    }
}

class EdgeDetails : public BackendTest {};
ON_EVERY_BACKEND(EdgeDetails);

TEST_P(EdgeDetails, AWriteThatFaultsInItsSecondPageLeavesTheDeviceAlone) {
    // Linear 18F000h is a device's page, 190000h is made not present.
    for (const unsigned size : {2u, 4u, 8u, 16u}) {
        Guest guest(backend());
        guest.ram.put(kPageTable + 0x18F * 8, std::uint64_t{kDevice | 7});
        guest.ram.put(kPageTable + 0x190 * 8, std::uint64_t{0});
        start(guest, store_of(size), 0x190000 - 1);
        guest.finish();
        ASSERT_TRUE(guest.caught()) << size;
        EXPECT_EQ(guest.caught()->vector, 14u);
        EXPECT_EQ(guest.state().cr2, 0x190000u);
        EXPECT_TRUE(guest.handler.accesses.empty()) << size;
    }
}

TEST_P(EdgeDetails, AReadThatFaultsInItsSecondPageLeavesTheDeviceAlone) {
    for (const unsigned size : {2u, 4u, 8u, 16u}) {
        Guest guest(backend());
        guest.ram.put(kPageTable + 0x18F * 8, std::uint64_t{kDevice | 7});
        guest.ram.put(kPageTable + 0x190 * 8, std::uint64_t{0});
        for (const unsigned before : {1u, size / 2, size - 1}) {
            start(guest, load_of(size), 0x190000 - before);
            guest.finish();
            ASSERT_TRUE(guest.caught()) << size;
            EXPECT_EQ(guest.caught()->vector, 14u);
            EXPECT_EQ(guest.state().cr2, 0x190000u);
            EXPECT_TRUE(guest.handler.accesses.empty()) << size << " " << before;
        }
    }
}

TEST_P(EdgeDetails, ABreakpointBesideAReadIsNotHit) {
    // Intel SDM vol. 3 s. 17.2.5.
    constexpr std::uint64_t kEnd = kData + 2 * kPageSize;
    for (const unsigned size : {2u, 4u, 8u, 16u}) {
        for (const std::uint64_t beside : {kEnd - 2, kEnd - 1 + size}) {
            Guest guest(backend());
            start(guest, load_of(size), kEnd - 1);
            guest.change([&](CpuState& state) {
                state.dr[0] = beside;
                state.dr7 = 0x30401;  // one byte, read or written
            });
            guest.finish();
            EXPECT_FALSE(guest.caught()) << size << " " << std::hex << beside;
        }
    }
}

TEST_P(EdgeDetails, AReadOnlySecondPageKeepsTheFirstUnwritten) {
    for (const unsigned size : {2u, 4u, 8u, 16u}) {
        Guest guest(backend());
        guest.ram.put(kPageTable + 0x60 * 8, std::uint64_t{0x60000 | 5});
        start(guest, store_of(size), 0x60000 - size / 2);
        guest.finish();
        ASSERT_TRUE(guest.caught()) << size;
        EXPECT_EQ(guest.caught()->vector, 14u);
        EXPECT_EQ(guest.caught()->error_code, 3u);
        EXPECT_EQ(guest.state().cr2, 0x60000u);
        EXPECT_EQ(guest.ram.get<std::uint64_t>(0x60000 - 8), 0u) << size;
    }
}

TEST_P(EdgeDetails, PagesOfOneAccessNeedNotBeNeighbours) {
    // Linear 18F000h and 190000h map to 61000h and 54000h.
    for (const unsigned size : {2u, 4u, 8u, 16u}) {
        Guest guest(backend());
        guest.ram.put(kPageTable + 0x18F * 8, std::uint64_t{0x61000 | 7});
        guest.ram.put(kPageTable + 0x190 * 8, std::uint64_t{0x54000 | 7});
        start(guest, store_of(size), 0x190000 - 1);
        guest.finish();
        EXPECT_FALSE(guest.caught());
        EXPECT_EQ(guest.ram.byte(0x61FFF), stored(0));
        for (unsigned i = 1; i < size; ++i) {
            EXPECT_EQ(guest.ram.byte(0x54000 + i - 1), stored(i)) << size;
        }
    }
}

TEST_P(EdgeDetails, RomIsReadInEveryWidthAndNeverChanges) {
    for (const unsigned size : {1u, 2u, 4u, 8u, 16u}) {
        for (unsigned offset = 0; offset < 8; ++offset) {
            Guest guest(backend());
            Ram rom(kPageSize);
            for (unsigned i = 0; i < 64; ++i) rom.put(i, device_byte(i));
            guest.vm->map_memory(kRamSize, rom.bytes(), false);
            start(guest, store_of(size), kRamSize + offset);
            guest.finish();
            std::uint64_t reported = 0;
            for (const Access& access : guest.handler.accesses) {
                EXPECT_EQ(access.kind, Access::kMemoryWrite);
                EXPECT_EQ(access.address, kRamSize + offset + reported);
                reported += access.size;
            }
            EXPECT_EQ(reported, size);
            guest.handler.accesses.clear();
            start(guest, load_of(size), kRamSize + offset);
            guest.finish();
            const CpuState state = guest.state();
            for (unsigned i = 0; i < size; ++i) {
                EXPECT_EQ(loaded(state, size, i), device_byte(offset + i));
            }
            EXPECT_TRUE(guest.handler.accesses.empty()) << "ROM is read without anybody's help";
        }
    }
}

// ---- Addresses that wrap (Intel SDM vol. 1 s. 3.3.7)

struct WrapRow {
    const char* name;
    Mode mode;
    std::span<const std::byte> code;  // reads EAX from kData
    std::uint64_t base;               // of FS
};
void PrintTo(const WrapRow& row, std::ostream* out) {
    *out << row.name;
}
std::vector<WrapRow> wrap_rows() {
    return {
        {"EffectiveAddressAt4GiB", Mode::kProtected32,
         CODE32("mov ebx, 0xFFFFFFF0; mov ecx, 0x50010; mov eax, [ebx + ecx]; out 0xF4, al"), 0},
        {"SegmentBaseAt4GiB", Mode::kProtected32,
         CODE32("mov ebx, 0x51000; mov eax, fs:[ebx]; out 0xF4, al"), 0xFFFFF000},
        {"SegmentBaseAt4GiBInCompatibilityMode", Mode::kCompatibility,
         CODE32("mov ebx, 0x51000; mov eax, fs:[ebx]; out 0xF4, al"), 0xFFFFF000},
        {"AddressSize32InLongMode", Mode::kLong,
         CODE64("mov rbx, 0x7FFFFFFF0; mov ecx, 0x50010; mov eax, [ebx + ecx]; out 0xF4, al"), 0},
        {"SegmentBaseAt2To64", Mode::kLong,
         CODE64("mov ebx, 0x51000; mov eax, fs:[rbx]; out 0xF4, al"), 0xFFFFFFFFFFFFF000u},
        {"EffectiveAddressAt2To64", Mode::kLong,
         CODE64("mov rbx, -16; mov ecx, 0x50010; mov eax, [rbx + rcx]; out 0xF4, al"), 0},
        {"EffectiveAddressAt64KiB", Mode::kReal,
         CODE16("mov bx, 0xFFF0; mov si, 0x510; mov eax, fs:[bx + si]; out 0xF4, al"),
         kData - 0x500},
        {"EffectiveAddressAt64KiBProtected", Mode::kProtected16,
         CODE16("mov bx, 0xFFF0; mov si, 0x510; mov eax, fs:[bx + si]; out 0xF4, al"),
         kData - 0x500},
    };
}

class Wraps : public TableTest<WrapRow> {};
ON_EVERY_BACKEND_FOR(Wraps, wrap_rows());

TEST_P(Wraps, ToTheBottom) {
    Guest guest(backend());
    guest.ram.put(kData, std::uint32_t{0x12345678});
    guest.boot(row().code, row().mode);
    guest.change([](CpuState& state) { state.fs.base = row().base; });
    guest.finish();
    EXPECT_EQ(guest.gpr(kRax) & 0xFFFFFFFF, 0x12345678u);
}

class StackWraps : public BackendTest {};
ON_EVERY_BACKEND(StackWraps);

TEST_P(StackWraps, A16BitStackPointerStaysInItsSegment) {
    Guest guest(backend());
    guest.boot(CODE16("mov ax, 0x1234; push ax; out 0xF4, al"), Mode::kReal);
    guest.change([](CpuState& state) {
        state.ss.selector = kData >> 4;
        state.ss.base = kData;
        state.gpr[kRsp] = 0xABCD0000;
    });
    guest.finish();
    EXPECT_EQ(guest.gpr(kRsp), 0xABCDFFFEu) << "the upper half is not touched";
    EXPECT_EQ(guest.ram.get<std::uint16_t>(kData + 0xFFFE), 0x1234);
}

TEST_P(StackWraps, RealModeReachesAboveOneMegabyte) {
    Guest guest(backend());
    guest.ram.put(0x100010, std::uint16_t{0x5678});
    guest.boot(CODE16("mov ax, 0xFFFF; mov ds, ax; mov bx, 0x20; mov ax, [bx]; out 0xF4, al"),
               Mode::kReal);
    guest.finish();
    EXPECT_EQ(guest.gpr(kRax) & 0xFFFF, 0x5678u) << "A20 is the machine's, not the processor's";
}

}  // namespace
}  // namespace hvlab::conformance
