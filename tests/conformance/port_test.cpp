// SPDX-License-Identifier: GPL-2.0-or-later
//
// Port accesses: size, value, order, permission.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

struct PortRow {
    const char* name;
    std::span<const std::byte> code;
    std::vector<Access> expected;
    std::uint64_t rax;  // behind it; it was 8877665544332211h
    Mode mode = Mode::kLong;
};

constexpr std::uint64_t kRaxBefore = 0x8877665544332211u;

Access in(std::uint16_t port, unsigned size) {
    return {Access::kPortRead, port, size, device_value(port, size)};
}
Access out(std::uint16_t port, unsigned size, std::uint64_t value) {
    return {Access::kPortWrite, port, size, value};
}
// What stays of RAX and what IN brings.
std::uint64_t rax_after_in(std::uint16_t port, unsigned size) {
    const std::uint64_t kept = size == 1   ? kRaxBefore & ~0xFFull
                               : size == 2 ? kRaxBefore & ~0xFFFFull
                                           : 0;
    return kept | device_value(port, size);
}

std::vector<PortRow> single_accesses() {
    return {
        {"In8Immediate", CODE64("in al, 0x60"), {in(0x60, 1)}, rax_after_in(0x60, 1)},
        {"In16Immediate", CODE64("in ax, 0x60"), {in(0x60, 2)}, rax_after_in(0x60, 2)},
        {"In32Immediate", CODE64("in eax, 0x60"), {in(0x60, 4)}, rax_after_in(0x60, 4)},
        {"In8Dx", CODE64("mov dx, 0x1F3; in al, dx"), {in(0x1F3, 1)}, rax_after_in(0x1F3, 1)},
        {"In16Dx", CODE64("mov dx, 0x1F3; in ax, dx"), {in(0x1F3, 2)}, rax_after_in(0x1F3, 2)},
        {"In32Dx", CODE64("mov dx, 0x1F3; in eax, dx"), {in(0x1F3, 4)}, rax_after_in(0x1F3, 4)},
        {"In64IsIn32", CODE64(".byte 0x48, 0xE5, 0x60"), {in(0x60, 4)}, rax_after_in(0x60, 4)},
        {"Out8Immediate", CODE64("out 0x80, al"), {out(0x80, 1, 0x11)}, kRaxBefore},
        {"Out16Immediate", CODE64("out 0x80, ax"), {out(0x80, 2, 0x2211)}, kRaxBefore},
        {"Out32Immediate", CODE64("out 0x80, eax"), {out(0x80, 4, 0x44332211)}, kRaxBefore},
        {"Out8Dx", CODE64("mov dx, 0x3F9; out dx, al"), {out(0x3F9, 1, 0x11)}, kRaxBefore},
        {"Out16Dx", CODE64("mov dx, 0x3F9; out dx, ax"), {out(0x3F9, 2, 0x2211)}, kRaxBefore},
        {"Out32Dx", CODE64("mov dx, 0x3F9; out dx, eax"), {out(0x3F9, 4, 0x44332211)}, kRaxBefore},
        {"OnlyDxNamesThePort",
         CODE64("mov edx, 0x12340070; out dx, al"),
         {out(0x70, 1, 0x11)},
         kRaxBefore},
        {"TheLastPort",
         CODE64("mov dx, 0xFFFF; in al, dx"),
         {in(0xFFFF, 1)},
         rax_after_in(0xFFFF, 1)},
        {"TheFirstPort", CODE64("xor edx, edx; out dx, al"), {out(0, 1, 0x11)}, kRaxBefore},
        {"InOrder",
         CODE64("out 0x70, al; in al, 0x71; out 0x71, al"),
         {out(0x70, 1, 0x11), in(0x71, 1), out(0x71, 1, device_byte(0x71))},
         rax_after_in(0x71, 1)},
        {"InRealMode",
         CODE16("in ax, 0x60; mov dx, 0x3F8; out dx, al"),
         {in(0x60, 2), out(0x3F8, 1, device_byte(0x60))},
         rax_after_in(0x60, 2),
         Mode::kReal},
        {"InProtectedMode",
         CODE32("in ax, 0x60; mov dx, 0x3F8; out dx, al"),
         {in(0x60, 2), out(0x3F8, 1, device_byte(0x60))},
         rax_after_in(0x60, 2),
         Mode::kProtected32},
    };
}

void PrintTo(const PortRow& row, std::ostream* out) {
    *out << row.name;
}

class Ports : public TableTest<PortRow> {};
ON_EVERY_BACKEND_FOR(Ports, single_accesses());

TEST_P(Ports, Access) {
    Guest guest(backend());
    guest.boot(row().code, row().mode);
    guest.load(CODE64("out 0xF4, al"), kEntry + row().code.size());
    guest.set(kRax, kRaxBefore);
    guest.finish();
    EXPECT_EQ(guest.handler.accesses, row().expected);
    EXPECT_EQ(guest.gpr(kRax), row().rax);
}

class PortPermission : public BackendTest {};
ON_EVERY_BACKEND(PortPermission);

// Intel SDM vol. 1 s. 19.5: in user mode the I/O privilege level or the TSS's bitmap decides.
constexpr GuestAddress kBitmap = kTss + 0x68;

void boot_user(Guest& guest, std::span<const std::byte> code, unsigned io_privilege) {
    guest.boot(code, Mode::kUser64);
    guest.catch_everything();
    guest.change([=](CpuState& state) {
        state.rflags |= std::uint64_t{io_privilege} << 12;
        state.gpr[kRdx] = 0x123;
    });
}

TEST_P(PortPermission, UserModeHasNoneByItself) {
    Guest guest(backend());
    boot_user(guest, CODE64("in al, dx"), 0);
    guest.ram.put(kTss + 0x66, std::uint16_t{0x68});  // past the limit: there is no bitmap
    guest.finish();
    ASSERT_TRUE(guest.caught());
    EXPECT_EQ(guest.caught()->vector, 13u);
    EXPECT_EQ(guest.caught()->error_code, 0u);
    EXPECT_EQ(guest.caught()->rip, kEntry);
    EXPECT_TRUE(guest.handler.accesses.empty());
}

TEST_P(PortPermission, ThePrivilegeLevelGrantsIt) {
    Guest guest(backend());
    boot_user(guest, CODE64("in al, dx; out 0xF4, al"), 3);
    guest.finish();
    EXPECT_FALSE(guest.caught());
    EXPECT_EQ(guest.handler.accesses.size(), 1u);
}

TEST_P(PortPermission, TheBitmapGrantsItPortByPort) {
    // Bit 123h is clear, 124h is set: one byte may be read, two may not.
    for (const bool two : {false, true}) {
        Guest guest(backend());
        boot_user(guest, two ? CODE64("in ax, dx") : CODE64("in al, dx; ud2"), 0);
        guest.ram.put(kTss + 0x66, std::uint16_t{0x68});
        guest.ram.put(kBitmap + 0x123 / 8, std::uint8_t{0xF7});
        guest.change([](CpuState& state) { state.tr.limit = 0x67 + 0x2000; });
        guest.finish();
        ASSERT_TRUE(guest.caught());
        EXPECT_EQ(guest.caught()->vector, two ? 13u : 6u);
        EXPECT_EQ(guest.handler.accesses.size(), two ? 0u : 1u);
    }
}

}  // namespace
}  // namespace hvlab::conformance
