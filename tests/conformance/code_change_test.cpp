// SPDX-License-Identifier: GPL-2.0-or-later
//
// Code that changes under a guest: by its own stores, through another name of the page, and by the
// host. What is executed is always what memory holds. Intel SDM vol. 3 s. 8.1.3 and 11.6.
#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {
namespace {

class CodeChanges : public GuestTest {
protected:
    // Runs again from kEntry.
    void again() {
        guest().change([](CpuState& state) { state.rip = kEntry; });
        guest().finish();
    }
    std::uint64_t rax() { return guest().gpr(kRax); }
};
ON_EVERY_BACKEND(CodeChanges);

TEST_P(CodeChanges, ByTheHost) {
    guest().boot(CODE64("mov eax, 1; out 0xF4, al"));
    for (std::uint8_t value = 1; value < 20; ++value) {
        guest().host_put(kEntry + 1, value);
        again();
        ASSERT_EQ(rax(), value);
    }
}

TEST_P(CodeChanges, ByTheHostInsideALargeWrite) {
    guest().boot(CODE64("mov eax, 1; out 0xF4, al"));
    again();
    guest().ram.put(kEntry + 1, std::uint8_t{3});
    guest().vm->host_wrote(123, kRamSize - 1000);
    again();
    EXPECT_EQ(rax(), 3u);
}

TEST_P(CodeChanges, ByTheHostOverTwoPages) {
    // The instruction lies in the last byte of one page and in the next; each part is written
    // alone, and both at once.
    const GuestAddress at = 0x3FFF;
    guest().load({0xB8, 1, 0, 0, 0, 0xE6, 0xF4}, at);
    guest().enter(Mode::kLong);
    const auto run = [&] {
        guest().change([=](CpuState& state) { state.rip = at; });
        guest().finish();
        return rax();
    };
    EXPECT_EQ(run(), 1u);
    guest().host_put(at + 1, std::uint8_t{2});
    EXPECT_EQ(run(), 2u);
    guest().host_put(at, std::uint16_t{0x03B8});
    EXPECT_EQ(run(), 3u);
    guest().host_put(at, std::uint8_t{0xBB});  // mov ebx
    guest().set(kRax, 0);
    run();
    EXPECT_EQ(guest().gpr(kRbx), 3u);
}

TEST_P(CodeChanges, ByTheHostUnderAnotherName) {
    // Linear kAlias is physical 2000h; the host knows physical addresses.
    guest().load({0xB8, 1, 0, 0, 0, 0xE6, 0xF4}, 0x2000);
    guest().enter(Mode::kLong);
    const auto run = [&] {
        guest().change([=](CpuState& state) { state.rip = kAlias; });
        guest().finish();
        return rax();
    };
    EXPECT_EQ(run(), 1u);
    guest().host_put(0x2001, std::uint8_t{2});
    EXPECT_EQ(run(), 2u);
}

TEST_P(CodeChanges, ByTheHostFromAHandler) {
    // As a disk's DMA does: the port write ends in a changed instruction right behind it.
    guest().boot(CODE64("out 0x80, al; mov eax, 1; out 0xF4, al"));
    std::uint8_t value = 1;
    guest().handler.on_access = [&](const Access&) { guest().host_put(kEntry + 3, ++value); };
    for (std::uint8_t expected = 2; expected < 10; ++expected) {
        again();
        ASSERT_EQ(rax(), expected);
    }
}

// The address of a local label in code that runs at kEntry.
#define AT(label) "(0x1000 + " label " - 7770b)"

TEST_P(CodeChanges, ByAStoreIntoTheNextInstruction) {
    guest().boot(CODE64("mov byte ptr [" AT("1f") " + 1], 7; 1: mov eax, 1; out 0xF4, al"));
    guest().finish();
    EXPECT_EQ(rax(), 7u);
}

TEST_P(CodeChanges, ByAStoreAheadInTheSameBlock) {
    guest().boot(CODE64(R"(
        1: mov [)" AT("2f") R"( + 1], cl
        inc ebx
        add ebx, ebx
        2: mov eax, 0
        cmp eax, ecx
        jne 3f
        inc ecx
        cmp ecx, 100
        jne 1b
        3: out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRcx), 100u);
    EXPECT_EQ(rax(), 99u);
}

TEST_P(CodeChanges, ByAStoreBehindInALoop) {
    // The loop patches its own first instruction for the next round.
    guest().boot(CODE64(R"(
        1: mov eax, 0
        inc ecx
        mov [)" AT("1b") R"( + 1], ecx
        cmp eax, 50
        jne 1b
        out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(rax(), 50u);
    EXPECT_EQ(guest().gpr(kRcx), 51u);
}

TEST_P(CodeChanges, ByAStoreUnderAnotherName) {
    // A function in page 2000h returns a number; the loop patches it through kAlias.
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    guest().boot(CODE64(R"(
        1: inc ecx
        mov [0x190001], ecx
        mov edx, 0x2000
        call rdx
        cmp eax, ecx
        jne 2f
        cmp ecx, 1000
        jne 1b
        2: out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRcx), 1000u);
    EXPECT_EQ(rax(), 1000u);
}

TEST_P(CodeChanges, ExecutedUnderAnotherName) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    guest().boot(CODE64(R"(
        1: inc ecx
        mov [0x2001], ecx
        mov edx, 0x190000
        call rdx
        cmp eax, ecx
        jne 2f
        cmp ecx, 1000
        jne 1b
        2: out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(rax(), 1000u);
}

TEST_P(CodeChanges, ByAnUnalignedStoreThatReachesIntoIt) {
    // After some stores to a page with code that miss the code, an engine may know its code bytes
    // more exactly. The quadword begins before the code and ends in its second byte.
    guest().load(CODE64("mov eax, 0; ret"), 0x2040);
    for (std::uint64_t i = 1; i < 20; ++i) {
        guest().boot(CODE64(R"(
            mov ecx, 20
            1: mov [0x2100], ecx
            dec ecx
            jnz 1b
            mov [0x203A], rbx
            mov edx, 0x2040
            call rdx
            out 0xF4, al
        )"));
        guest().set(kRbx, (i << 8 | 0xB8) << 48);
        guest().finish();
        ASSERT_EQ(rax(), i);
    }
}

TEST_P(CodeChanges, ByAStoreOverTwoPages) {
    // The store straddles; the code is in the second page.
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    for (std::uint32_t i = 1; i < 20; ++i) {
        guest().boot(CODE64("mov [0x1FFE], ebx; mov edx, 0x2000; call rdx; out 0xF4, al"));
        guest().set(kRbx, (i << 8 | 0xB8) << 16);
        guest().finish();
        ASSERT_EQ(rax(), i);
    }
}

TEST_P(CodeChanges, ByAStringMove) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    for (std::uint8_t i = 1; i < 20; ++i) {
        guest().boot(
            CODE64("mov esi, 0x50000; mov edi, 0x2000; mov ecx, 6; rep movsb;"
                   "mov edx, 0x2000; call rdx; out 0xF4, al"));
        guest().host_put(kData, std::uint64_t{0xC300000000B8u} | std::uint64_t{i} << 8);
        guest().finish();
        ASSERT_EQ(rax(), i);
    }
}

TEST_P(CodeChanges, ByAStringInput) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    std::uint8_t value = 0;
    guest().handler.answer = [&](const Access&) { return std::uint64_t{value}; };
    for (value = 1; value < 20; ++value) {
        guest().boot(
            CODE64("mov edx, 0x60; mov edi, 0x2001; insb; mov edx, 0x2000; call rdx;"
                   "out 0xF4, al"));
        guest().finish();
        ASSERT_EQ(rax(), value);
    }
}

TEST_P(CodeChanges, ByAnAtomicInstruction) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2000);
    guest().boot(CODE64(R"(
        1: lock inc dword ptr [0x2001]
        mov edx, 0x2000
        call rdx
        inc ecx
        cmp eax, ecx
        jne 2f
        cmp ecx, 100
        jne 1b
        2: out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(rax(), 100u);
}

TEST_P(CodeChanges, ByAPush) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2002);
    for (std::uint64_t i = 1; i < 20; ++i) {
        guest().boot(
            CODE64("mov rsi, rsp; mov esp, 0x200B; push rbx; mov rsp, rsi; mov edx, 0x2002;"
                   "call rdx; out 0xF4, al"));
        guest().set(kRbx, std::uint64_t{0xC3} << 32 | i);  // the operand and RET
        guest().finish();
        ASSERT_EQ(rax(), i) << "2003h..200Ah";
        guest().load(CODE64("mov eax, 0; ret"), 0x2002);
    }
}

TEST_P(CodeChanges, ByASixteenByteStore) {
    guest().load(CODE64("mov eax, 0; ret"), 0x2008);
    for (std::uint64_t i = 1; i < 20; ++i) {
        guest().boot(CODE64("movups [0x2000], xmm0; mov edx, 0x2008; call rdx; out 0xF4, al"));
        guest().change([=](CpuState& state) { state.fpu.xmm[0] = {0, 0xC300000000B8u | i << 8}; });
        guest().finish();
        ASSERT_EQ(rax(), i);
    }
}

TEST_P(CodeChanges, ByAnExceptionFrame) {
    // The frame of an exception lies over code: the saved RIP becomes the operand of MOV EAX.
    guest().load(CODE64("mov eax, 1; ret"), 0x7FD7);
    guest().boot(CODE64("mov edx, 0x7FD7; call rdx; mov ebx, eax; mov esp, 0x8000; ud2"));
    guest().load(CODE64("mov esp, 0x7F000; mov byte ptr [0x7FDC], 0xC3; call rdx; out 0xF4, al"),
                 0x3000);
    guest().set_gate({.vector = 6, .handler = 0x3000});
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 1u);
    EXPECT_EQ(rax(), kEntry + 14) << "where the UD2 is";
}

TEST_P(CodeChanges, ByPageTables) {
    // The same linear address, two physical pages with different code, INVLPG between.
    guest().load(CODE64("mov eax, 1; ret"), 0x5A000);
    guest().load(CODE64("mov eax, 2; ret"), 0x5B000);
    guest().boot(CODE64(R"(
        mov edx, 0x5A000
        call rdx
        mov ebx, eax
        mov qword ptr [0x13000 + 0x5A * 8], 0x5B007
        invlpg [0x5A000]
        call rdx
        out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRbx), 1u);
    EXPECT_EQ(rax(), 2u);
}

TEST_P(CodeChanges, ByAnotherAddressSpace) {
    // Two top levels that share all but one page of code; MOV CR3 between.
    guest().load(CODE64("mov eax, 1; ret"), 0x5A000);
    guest().load(CODE64("mov eax, 2; ret"), 0x5B000);
    const auto copy = [&](GuestAddress from, GuestAddress to) {
        guest().ram.put(to, guest().ram.bytes().subspan(from, kPageSize));
    };
    copy(0x10000, 0x30000);
    copy(0x11000, 0x31000);
    copy(0x12000, 0x32000);
    copy(0x13000, 0x33000);
    guest().ram.put(0x30000, std::uint64_t{0x31007});
    guest().ram.put(0x31000, std::uint64_t{0x32007});
    guest().ram.put(0x32000, std::uint64_t{0x33007});
    guest().ram.put(0x33000 + 0x5A * 8, std::uint64_t{0x5B007});
    guest().boot(CODE64(R"(
        mov edx, 0x5A000
        mov ecx, 100
        mov edi, 0x10000
        1: call rdx
        add esi, eax
        xor edi, 0x20000
        mov cr3, rdi
        dec ecx
        jnz 1b
        out 0xF4, al
    )"));
    guest().finish();
    EXPECT_EQ(guest().gpr(kRsi), 150u);
}

}  // namespace
}  // namespace hvlab::conformance
