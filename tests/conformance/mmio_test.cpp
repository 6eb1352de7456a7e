// SPDX-License-Identifier: GPL-2.0-or-later
//
// Memory-mapped accesses: every size at every offset in a quadword, values, order, and the
// instructions that make more than one.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

// ---- Every size at every offset

struct Placement {
    std::string name;
    bool write;
    unsigned size;
    unsigned offset;
};

void PrintTo(const Placement& row, std::ostream* out) {
    *out << row.name;
}

std::vector<Placement> placements() {
    std::vector<Placement> rows;
    for (const bool write : {false, true}) {
        for (const unsigned size : {1u, 2u, 4u, 8u}) {
            for (unsigned offset = 0; offset < 8; ++offset) {
                rows.push_back({fmt::format("{}{}At{}", write ? "Write" : "Read", size * 8, offset),
                                write, size, offset});
            }
        }
    }
    return rows;
}

class MemoryMapped : public TableTest<Placement> {};
ON_EVERY_BACKEND_FOR(MemoryMapped, placements());

std::span<const std::byte> load_of(unsigned size) {
    switch (size) {
        case 1:
            return CODE64("mov al, [rdi]; out 0xF4, al");
        case 2:
            return CODE64("mov ax, [rdi]; out 0xF4, al");
        case 4:
            return CODE64("mov eax, [rdi]; out 0xF4, al");
        default:
            return CODE64("mov rax, [rdi]; out 0xF4, al");
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
        default:
            return CODE64("mov [rdi], rax; out 0xF4, al");
    }
}

std::uint64_t mask_of(unsigned size) {
    return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

TEST_P(MemoryMapped, Access) {
    const auto [name, write, size, offset] = row();
    constexpr std::uint64_t kBefore = 0xF7E6D5C4B3A29180u;
    const GuestAddress address = kDevice + 0x40 + offset;
    Guest guest(backend());
    guest.boot(write ? store_of(size) : load_of(size));
    guest.change([&](CpuState& state) {
        state.gpr[kRdi] = address;
        state.gpr[kRax] = kBefore;
    });
    guest.finish();
    const std::uint64_t value = write ? kBefore & mask_of(size) : device_value(address, size);
    EXPECT_EQ(guest.handler.accesses,
              (std::vector<Access>{
                  {write ? Access::kMemoryWrite : Access::kMemoryRead, address, size, value}}));
    if (!write) {
        const std::uint64_t kept = size >= 4 ? 0 : kBefore & ~mask_of(size);
        EXPECT_EQ(guest.gpr(kRax), kept | value);
    }
}

// ---- Instructions

struct InstructionRow {
    const char* name;
    std::span<const std::byte> code;  // RDI: the device; RSI: kData; RAX: kValue
    std::vector<Access> expected;
    std::function<void(const Guest&)> check;
    bool any_order = false;  // the manual names none
};

void PrintTo(const InstructionRow& row, std::ostream* out) {
    *out << row.name;
}

Access got(unsigned offset, unsigned size) {
    return {Access::kMemoryRead, kDevice + offset, size, device_value(kDevice + offset, size)};
}
Access put(unsigned offset, unsigned size, std::uint64_t value) {
    return {Access::kMemoryWrite, kDevice + offset, size, value & mask_of(size)};
}
std::uint64_t at(unsigned offset, unsigned size) {
    return device_value(kDevice + offset, size);
}

constexpr std::uint64_t kValue = 0x1122334455667788u;

std::vector<InstructionRow> instructions() {
    return {
        {"ZeroExtension",
         CODE64("movzx eax, byte ptr [rdi + 3]; movzx ecx, word ptr [rdi + 5]"),
         {got(3, 1), got(5, 2)},
         [](const Guest& guest) {
             EXPECT_EQ(guest.gpr(kRax), at(3, 1));
             EXPECT_EQ(guest.gpr(kRcx), at(5, 2));
         }},
        {"SignExtension",
         CODE64("movsx rax, byte ptr [rdi + 7]; movsxd rcx, dword ptr [rdi + 4]"),
         {got(7, 1), got(4, 4)},
         [](const Guest& guest) {
             EXPECT_EQ(guest.gpr(kRax), static_cast<std::uint64_t>(
                                            std::int64_t{static_cast<std::int8_t>(at(7, 1))}));
             EXPECT_EQ(guest.gpr(kRcx), static_cast<std::uint64_t>(
                                            std::int64_t{static_cast<std::int32_t>(at(4, 4))}));
         }},
        {"AddReadsThenWrites",
         CODE64("add [rdi + 8], eax"),
         {got(8, 4), put(8, 4, at(8, 4) + kValue)},
         {}},
        {"IncReadsThenWrites",
         CODE64("inc word ptr [rdi + 1]"),
         {got(1, 2), put(1, 2, at(1, 2) + 1)},
         {}},
        {"NotReadsThenWrites",
         CODE64("not qword ptr [rdi]"),
         {got(0, 8), put(0, 8, ~at(0, 8))},
         {}},
        {"ExchangeReadsThenWrites",
         CODE64("xchg [rdi + 4], eax"),
         {got(4, 4), put(4, 4, kValue)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRax), at(4, 4)); }},
        {"LockedAddReadsThenWrites",
         CODE64("lock add [rdi], eax"),
         {got(0, 4), put(0, 4, at(0, 4) + kValue)},
         {}},
        {"ExchangeAndAdd",
         CODE64("lock xadd [rdi], eax"),
         {got(0, 4), put(0, 4, at(0, 4) + kValue)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRax), at(0, 4)); }},
        {"TestOnlyReads",
         CODE64("test byte ptr [rdi], 1; cmp [rdi + 2], ax"),
         {got(0, 1), got(2, 2)},
         {}},
        {"ImmediateStores",
         CODE64(
             "mov byte ptr [rdi], 1; mov word ptr [rdi + 3], 0x203; mov qword ptr [rdi + 9], -2"),
         {put(0, 1, 1), put(3, 2, 0x203), put(9, 8, ~1ull)},
         {}},
        {"PushFromADevice",
         CODE64("push qword ptr [rdi]; pop rdx"),
         {got(0, 8)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRdx), at(0, 8)); }},
        {"PopIntoADevice", CODE64("push rax; pop qword ptr [rdi]"), {put(0, 8, kValue)}, {}},
        {"ADeviceAsStack",
         CODE64("mov rbx, rsp; lea rsp, [rdi + 0x20]; push rax; pop rdx; mov rsp, rbx"),
         {put(0x18, 8, kValue), got(0x18, 8)},
         {}},
        {"SetByCondition", CODE64("cmp eax, eax; sete byte ptr [rdi + 5]"), {put(5, 1, 1)}, {}},
        {"BitTestWithRegisterReachesFar",
         CODE64("mov ecx, 67; bts dword ptr [rdi], ecx"),
         {got(8, 4), put(8, 4, at(8, 4) | 8)},
         {}},
        {"SwappedBytes",
         CODE64("mov eax, [rdi]; bswap eax; mov [rdi + 4], eax"),
         {got(0, 4), put(4, 4, __builtin_bswap32(static_cast<std::uint32_t>(at(0, 4))))},
         {}},
        {"Fence",
         CODE64("mov [rdi], al; mfence; mov al, [rdi + 1]; lfence"),
         {put(0, 1, kValue), got(1, 1)},
         {}},
        {"Multiplication",
         CODE64("mov eax, 3; mul dword ptr [rdi]"),
         {got(0, 4)},
         [](const Guest& guest) {
             EXPECT_EQ(guest.gpr(kRax), (at(0, 4) * 3) & 0xFFFFFFFF);
             EXPECT_EQ(guest.gpr(kRdx), at(0, 4) * 3 >> 32);
         }},
        {"StoreStringToDevice",
         CODE64("mov ecx, 3; rep stosw"),
         {put(0, 2, kValue), put(2, 2, kValue), put(4, 2, kValue)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRdi), kDevice + 6); }},
        {"StoreStringBackwards",
         CODE64("std; lea rdi, [rdi + 8]; mov ecx, 2; rep stosd; cld"),
         {put(8, 4, kValue), put(4, 4, kValue)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRdi), kDevice); }},
        {"MoveFromDevice",
         CODE64("xchg rsi, rdi; mov ecx, 2; rep movsq"),
         {got(0, 8), got(8, 8)},
         [](const Guest& guest) {
             EXPECT_EQ(guest.ram.get<std::uint64_t>(kData), at(0, 8));
             EXPECT_EQ(guest.ram.get<std::uint64_t>(kData + 8), at(8, 8));
         }},
        {"MoveToDevice",
         CODE64("mov qword ptr [rsi], 0x1234; mov ecx, 3; rep movsb"),
         {put(0, 1, 0x34), put(1, 1, 0x12), put(2, 1, 0)},
         {}},
        {"MoveWithinDevice",
         CODE64("lea rsi, [rdi + 0x10]; mov ecx, 2; rep movsd"),
         {got(0x10, 4), put(0, 4, at(0x10, 4)), got(0x14, 4), put(4, 4, at(0x14, 4))},
         {}},
        {"LoadString",
         CODE64("mov rsi, rdi; mov ecx, 3; rep lodsb"),
         {got(0, 1), got(1, 1), got(2, 1)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRax) & 0xFF, at(2, 1)); }},
        {"CompareStringStopsWhereTheyDiffer",
         CODE64("lea rsi, [rdi + 4]; mov ecx, 5; repe cmpsb"),
         {got(4, 1), got(0, 1)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRcx), 4u); },
         true},
        {"ScanStringStopsWhereTheyAgree",
         CODE64("mov al, [rdi + 2]; mov ecx, 9; repne scasb"),
         {got(2, 1), got(0, 1), got(1, 1), got(2, 1)},
         [](const Guest& guest) { EXPECT_EQ(guest.gpr(kRcx), 6u); }},
    };
}

class MemoryMappedBy : public TableTest<InstructionRow> {};
ON_EVERY_BACKEND_FOR(MemoryMappedBy, instructions());

TEST_P(MemoryMappedBy, Instruction) {
    Guest guest(backend());
    guest.boot(row().code);
    guest.load(CODE64("out 0xF4, al"), kEntry + row().code.size());
    guest.change([](CpuState& state) {
        state.gpr[kRdi] = kDevice;
        state.gpr[kRsi] = kData;
        state.gpr[kRax] = kValue;
    });
    guest.finish();
    if (row().any_order) {
        EXPECT_THAT(guest.handler.accesses, testing::UnorderedElementsAreArray(row().expected));
    } else {
        EXPECT_EQ(guest.handler.accesses, row().expected);
    }
    if (row().check) row().check(guest);
}

// ---- What is wider than a quadword, or floating

class WideAccess : public GuestTest {
protected:
    void SetUp() override { GuestTest::SetUp(); }
    void run(std::span<const std::byte> code) {
        guest().boot(code);
        guest().set(kRdi, kDevice);
        guest().finish();
    }
};
ON_EVERY_BACKEND(WideAccess);

TEST_P(WideAccess, SixteenBytesComeAsTwoQuadwords) {
    run(CODE64("movups xmm1, [rdi + 3]; movaps [rdi + 0x20], xmm1; out 0xF4, al"));
    const FpuState::XmmRegister value = {at(3, 8), at(11, 8)};
    EXPECT_EQ(guest().state().fpu.xmm[1], value);
    EXPECT_EQ(guest().handler.accesses,
              (std::vector<Access>{got(3, 8), got(11, 8), put(0x20, 8, value[0]),
                                   put(0x28, 8, value[1])}));
}

TEST_P(WideAccess, ScalarsHaveTheirSize) {
    run(
        CODE64("movd xmm0, dword ptr [rdi]; movq xmm1, qword ptr [rdi + 5]; movss [rdi + 1], xmm0;"
               "movsd [rdi + 9], xmm1; out 0xF4, al"));
    EXPECT_EQ(
        guest().handler.accesses,
        (std::vector<Access>{got(0, 4), got(5, 8), put(1, 4, at(0, 4)), put(9, 8, at(5, 8))}));
}

TEST_P(WideAccess, X87TenBytes) {
    run(CODE64(
        "fld1; fstp tbyte ptr [rdi]; fild word ptr [rdi + 0x10]; fistp dword ptr [rdi + 0x20];"
        "out 0xF4, al"));
    EXPECT_EQ(guest().handler.accesses,
              (std::vector<Access>{put(0, 8, 0x8000000000000000u), put(8, 2, 0x3FFF), got(0x10, 2),
                                   put(0x20, 4, at(0x10, 2))}));
}

TEST_P(WideAccess, CompareAndExchangeWritesWhateverComesOut) {
    run(CODE64("mov eax, [rdi]; mov ecx, 5; lock cmpxchg [rdi], ecx; sete dl; out 0xF4, al"));
    EXPECT_EQ(guest().gpr(kRdx) & 1, 1u);
    EXPECT_EQ(guest().handler.writes(), (std::vector<Access>{put(0, 4, 5)}));
}

}  // namespace
}  // namespace hvlab::conformance
