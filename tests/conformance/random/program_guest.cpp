// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/random/program_guest.h"

namespace hvlab::conformance {
namespace {

// All of low RAM once more, for the supervisor alone; within reach of a signed 32-bit displacement.
constexpr std::uint64_t kSystem = 0xFFFFFFFF80000000u;

// Physical addresses.
constexpr GuestAddress kTables = 0x100000;
constexpr GuestAddress kCode = 0x110000;
constexpr GuestAddress kNext = 0x120000;  // Layout::next
constexpr GuestAddress kWindowMemory = 0x140000;
constexpr GuestAddress kStackMemory = 0x150000;
constexpr GuestAddress kSystemStack = 0x15C000;  // its top
constexpr GuestAddress kStubCode = 0x160000;     // 16 bytes a vector
constexpr GuestAddress kCommonStub = 0x161000;
constexpr GuestAddress kNotes = 0x162000;  // digest, count, CR2s, traps
constexpr GuestAddress kEnd = 0x163000;

constexpr std::uint64_t kUserPage = 5, kWritablePage = 7;
constexpr std::uint64_t kNoExecute = 1ull << 63;

// On the stack: vector and error code. Notes them with RIP, flags and CR2, and goes on behind the
// instruction.
std::span<const std::byte> common_stub() {
    return CODE64(R"(
        push rax
        push rbx
        mov rbx, [rsp + 32]
        mov rax, [0xFFFFFFFF80162000]
        rol rax, 5
        xor rax, rbx
        add rax, [rsp + 16]
        rol rax, 7
        xor rax, [rsp + 24]
        rol rax, 9
        xor rax, [rsp + 48]
        mov [0xFFFFFFFF80162000], rax
        inc qword ptr [0xFFFFFFFF80162008]
        mov rax, cr2
        rol qword ptr [0xFFFFFFFF80162010], 3
        xor [0xFFFFFFFF80162010], rax
        sub rbx, 0x400000
        cmp rbx, 0x8000
        jae 1f
        movzx ebx, word ptr [rbx * 2 + 0xFFFFFFFF80120000]
        add rbx, 0x400000
        mov [rsp + 32], rbx
        pop rbx
        pop rax
        add rsp, 16
        iretq
        1: ud2
    )");
}

// Notes that it came.
std::span<const std::byte> return_stub() {
    return CODE64("inc qword ptr [0xFFFFFFFF80162018]; iretq");
}
// A single step: no more of them.
std::span<const std::byte> debug_stub() {
    return CODE64("and qword ptr [rsp + 16], -0x101; inc qword ptr [0xFFFFFFFF80162018]; iretq");
}
std::span<const std::byte> system_call_stub() {
    return CODE64("inc qword ptr [0xFFFFFFFF80162020]; sysretq");
}

bool has_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

}  // namespace

ProgramGuest::ProgramGuest(const TestedBackend& backend) : TimedGuest(backend) {
    enter(Mode::kLong);
    write_address_space();
    write_handlers();
    set_observed(kTables, kEnd);
}

void ProgramGuest::write_address_space() {
    constexpr GuestAddress kPointers = kTables + 0x1000, kDirectory = kTables + 0x2000,
                           kCodeTable = kTables + 0x3000, kDataTable = kTables + 0x4000,
                           kHighPointers = kTables + 0x5000, kHighDirectory = kTables + 0x6000;
    ram.put(kTables, kPointers | kWritablePage);
    ram.put(kTables + 511 * 8, kHighPointers | kWritablePage);
    ram.put(kPointers, kDirectory | kWritablePage);
    ram.put(kDirectory + 2 * 8, kCodeTable | kWritablePage);
    ram.put(kDirectory + 3 * 8, kDataTable | kWritablePage);
    ram.put(kHighPointers + 510 * 8, kHighDirectory | kWritablePage);
    ram.put(kHighDirectory, std::uint64_t{0x83});  // 2 MiB, the supervisor's
    const auto map = [&](std::uint64_t linear, std::uint64_t size, GuestAddress physical,
                         std::uint64_t flags) {
        for (std::uint64_t at = 0; at < size; at += kPageSize) {
            const std::uint64_t page = (linear + at - kProgramCode) / kPageSize;
            ram.put(kCodeTable + page * 8, (physical + at) | flags);
        }
    };
    map(kProgramCode, kProgramCodeSize, kCode, kUserPage);
    map(kProgramAlias, kProgramCodeSize, kCode, kWritablePage | kNoExecute);
    map(kWindow, kWindowSize, kWindowMemory, kWritablePage | kNoExecute);
    map(kReadOnlyWindow, kPageSize, kWindowMemory, kUserPage | kNoExecute);
    map(kProgramStack, kProgramStackSize, kStackMemory, kWritablePage | kNoExecute);
    map(kProgramDevice, 2 * kPageSize, kDevice, kWritablePage | kNoExecute);
}

void ProgramGuest::write_handlers() {
    for (unsigned vector = 0; vector < 32; ++vector) {
        const GuestAddress stub = kStubCode + vector * 16;
        std::vector<std::uint8_t> code;
        if (vector == 16) code = {0xDB, 0xE2};  // FNCLEX
        if (!has_error_code(vector)) code.insert(code.end(), {0x6A, 0});
        code.insert(code.end(), {0x6A, static_cast<std::uint8_t>(vector), 0xE9});
        const auto distance = static_cast<std::uint32_t>(kCommonStub - (stub + code.size() + 4));
        for (unsigned i = 0; i < 4; ++i)
            code.push_back(static_cast<std::uint8_t>(distance >> i * 8));
        ram.put(stub, std::as_bytes(std::span(code)));
    }
    ram.put(kCommonStub, common_stub());
    // Those that return to where they came from.
    constexpr GuestAddress kDebug = kCommonStub + 0x100, kReturn = kDebug + 0x20,
                           kSystemCall = kReturn + 0x20;
    ram.put(kDebug, debug_stub());
    ram.put(kReturn, return_stub());
    ram.put(kSystemCall, system_call_stub());
    for (unsigned vector = 0; vector < 256; ++vector) {
        if (vector < 32) {
            set_gate({.vector = vector, .handler = kSystem + kStubCode + vector * 16});
        } else {
            set_gate({.vector = vector, .present = false});
        }
    }
    for (const unsigned vector : {2u, 3u, 0x80u, unsigned{kTimerVector}}) {
        set_gate({.vector = vector, .handler = kSystem + kReturn, .dpl = 3});
    }
    set_gate({.vector = 1, .handler = kSystem + kDebug});
    ram.put(kTss + 4, kSystem + kSystemStack);
    change([](CpuState& state) { state.msrs.lstar = kSystem + kSystemCall; });
}

void ProgramGuest::start(const Program& program, const Layout& layout) {
    RandomStream random(Seed(program.seed).child("state"));
    std::memset(ram.bytes().data() + kCode, 0xCC, kProgramCodeSize);
    ram.put(kCode, std::as_bytes(std::span(layout.code)));
    ram.put(kNext, std::as_bytes(std::span(layout.next)));
    for (std::uint64_t at = 0; at < kWindowSize; at += 8)
        ram.put(kWindowMemory + at, random.next());
    std::memset(ram.bytes().data() + kStackMemory, 0, kStubCode - kStackMemory);
    std::memset(ram.bytes().data() + kNotes, 0, kEnd - kNotes);
    write_address_space();  // without accessed and dirty bits
    vm->host_wrote(0, kRamSize);
    restart();

    const GuestAddress system_call = vcpu->state().msrs.lstar;
    CpuState state = state_in(program.user ? Mode::kUser64 : Mode::kLong, ram, reset_state());
    state.cr3 = kTables;
    state.tr.base += kSystem;
    state.gdtr.base += kSystem;
    state.idtr.base += kSystem;
    state.msrs.lstar = system_call;
    state.rip = kProgramCode;
    state.rflags = program.user ? 0x3202 : 0x202;  // IF; ports and CLI for the user too
    for (auto& reg : state.gpr) reg = random.next();
    state.gpr[kRsp] = kProgramStack + kProgramStackSize / 2;
    state.gpr[kR14] = kProgramDevice + 0x700;
    state.gpr[kR15] = kWindow + kWindowSize / 2;
    for (auto& reg : state.fpu.xmm) reg = {random.next(), random.next()};
    vcpu->set_state(state);
    vcpu->set_interrupt_line(false);
}

std::uint64_t ProgramGuest::skipped() const {
    return ram.get<std::uint64_t>(kNotes + 8);
}

}  // namespace hvlab::conformance
