// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/probe/guest.h"

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

#include "core/base/status.h"
#include "core/cpu/cpu_model.h"

namespace hvlab::probing {
namespace {

constexpr std::string_view kModel = "x86-64-v2";

// Where the set-up puts things.
constexpr GuestAddress kCode = 0x1000;
constexpr GuestAddress kPml4 = 0x10000;
constexpr GuestAddress kPointers = 0x11000;
constexpr GuestAddress kDirectory = 0x12000;
constexpr GuestAddress kGdt = 0x20000;
constexpr GuestAddress kIdt = 0x21000;
constexpr GuestAddress kTask = 0x22000;
constexpr GuestAddress kStack = 0x30000;
constexpr std::uint16_t kPortMap = 0x68;  // in the task state: a bit for each port, and a byte
constexpr std::uint16_t kTaskLimit = kPortMap + 0x2000;

// Selectors, and the descriptors at them (Intel SDM vol. 3 s. 3.4.5): flat, accessed.
constexpr std::uint16_t kKernelCode = 0x08;
constexpr std::uint16_t kKernelData = 0x10;
constexpr std::uint16_t kUserCode = 0x1B;
constexpr std::uint16_t kUserData = 0x23;
constexpr std::uint64_t kDescriptors[] = {
    0,
    0x00AF'9B00'0000'FFFF,  // code, 64 bits, DPL 0
    0x00CF'9300'0000'FFFF,  // data, DPL 0
    0x00AF'FB00'0000'FFFF,  // code, 64 bits, DPL 3
    0x00CF'F300'0000'FFFF,  // data, DPL 3
};

constexpr unsigned kUnrolled = 64;

template <typename Bytes = std::initializer_list<std::uint8_t>>
void append(std::vector<std::uint8_t>& code, const Bytes& bytes) {
    for (const std::uint8_t byte : bytes) code.push_back(byte);
}

// `body`, RDX times, then the way out:
//     begin:  mov rcx, rdx
//     round:  BODY
//             dec rcx
//             jnz round
//             out kStopPort, al
//             jmp begin
std::vector<std::uint8_t> rounds_of(const std::vector<std::uint8_t>& body) {
    std::vector<std::uint8_t> code;
    append(code, {0x48, 0x89, 0xD1});
    append(code, body);
    append(code, {0x48, 0xFF, 0xC9});
    const auto jump = [&code](std::initializer_list<std::uint8_t> opcode, std::size_t target) {
        append(code, opcode);
        const auto distance = static_cast<std::uint32_t>(target - (code.size() + 4));
        for (unsigned shift = 0; shift < 32; shift += 8) {
            code.push_back(static_cast<std::uint8_t>(distance >> shift));
        }
    };
    jump({0x0F, 0x85}, 3);
    append(code, {0xE6, static_cast<std::uint8_t>(kStopPort)});
    jump({0xE9}, 0);
    return code;
}

Program unrolled(std::initializer_list<std::uint8_t> instruction) {
    std::vector<std::uint8_t> body;
    for (unsigned i = 0; i < kUnrolled; ++i) append(body, instruction);
    return {.code = rounds_of(body), .per_round = kUnrolled, .instructions = kUnrolled + 2};
}

Segment flat(std::uint16_t selector, bool code) {
    return {.limit = 0xFFFFFFFF,
            .selector = selector,
            .type = static_cast<std::uint8_t>(code ? 0xB : 0x3),
            .dpl = static_cast<std::uint8_t>(selector & 3),
            .l = code,
            .db = !code,
            .g = true};
}

CpuState entry_state(const CpuState& reset, const Program& program, std::uint64_t rounds) {
    CpuState state = reset;
    state.cs = flat(program.user ? kUserCode : kKernelCode, true);
    for (Segment* data : {&state.ss, &state.ds, &state.es, &state.fs, &state.gs}) {
        *data = flat(program.user ? kUserData : kKernelData, false);
    }
    state.tr = {.base = kTask, .limit = kTaskLimit, .selector = 0x28, .type = 0xB, .s = false};
    state.gdtr = {.base = kGdt, .limit = sizeof kDescriptors - 1};
    state.idtr = {.base = kIdt, .limit = 0xFFF};
    state.cr0 = 0x8001'0033;  // PG, WP, NE, ET, MP, PE
    state.cr3 = kPml4;
    state.cr4 = 0x620;        // OSXMMEXCPT, OSFXSR, PAE
    state.msrs.efer = 0xD01;  // NXE, LMA, LME, SCE
    state.rip = kCode;
    state.rflags = program.user ? 0x3002 : 0x0002;  // IOPL 3: ports are the user's
    state.gpr[kRsp] = kStack;
    state.gpr[kRdi] = kStack;
    state.gpr[kRbx] = program.pointer;
    state.gpr[kRdx] = rounds;
    return state;
}

template <typename T>
void put(GuestMemory& memory, GuestAddress address, const T& value) {
    HVLAB_ASSERT(memory.write_value(address, value));
}

// Identity, in pages of 2 MiB, for everybody (Intel SDM vol. 3 s. 4.5).
void write_page_tables(GuestMemory& memory) {
    constexpr std::uint64_t kTable = 0x07;  // user, writable, present
    constexpr std::uint64_t kLarge = 0xE7;  // ... page, dirty, accessed
    put(memory, kPml4, kPointers | kTable);
    put(memory, kPointers, kDirectory | kTable);
    for (std::uint64_t i = 0; i < 8; ++i) put(memory, kDirectory + 8 * i, i * 2 * kMiB | kLarge);
}

// The wake-up vector leads to the program's beginning (Intel SDM vol. 3 s. 6.14.1).
void write_gate(GuestMemory& memory) {
    constexpr std::uint64_t kInterruptGate = 0x8E00;
    put(memory, kIdt + 16 * kWakeVector,
        kCode | std::uint64_t{kKernelCode} << 16 | kInterruptGate << 32);
}

}  // namespace

Program count_down(bool user) {
    return {.code = rounds_of({}), .per_round = 2, .instructions = 2, .user = user};
}

Program write_port() {
    return unrolled({0xE6, static_cast<std::uint8_t>(kIdlePort)});  // out kIdlePort, al
}

Program write_memory() {
    return unrolled({0x88, 0x03});  // mov [rbx], al
}

Program touch_pages() {
    const std::vector<std::uint8_t> body = {
        0x88, 0x03,                                // mov [rbx], al
        0x48, 0x81, 0xC3, 0x00, 0x10, 0x00, 0x00,  // add rbx, 4096
    };
    return {.code = rounds_of(body),
            .per_round = 1,
            .instructions = 4,
            .user = true,
            .pointer = kFresh};
}

Program halt() {
    // The frame of the interrupt is dropped: an IRET here is more than some KVMs emulate.
    return {.code =
                {
                    0x48, 0x89, 0xFC,  // mov rsp, rdi
                    0xFB,              // sti
                    0xF4,              // hlt
                    0xEB, 0xF9,        // jmp to the beginning
                },
            .per_round = 1,
            .instructions = 8};
}

Guest::Guest(Backend& backend, const Program& program, std::uint64_t rounds)
    : program_(program), rounds_(rounds) {
    load(program);
    vm_ = backend.create_vm(CpuModel::named(kModel));
    for (const GuestMemory::Region& region : memory_.regions()) {
        vm_->map_memory(region.address, memory_.host_bytes(region.address, region.size), true);
    }
    vcpu_ = vm_->create_vcpu(0, handler_);
    handler_.vcpu = vcpu_.get();
    vcpu_->set_state(entry_state(vcpu_->state(), program, rounds));
}

void Guest::load(const Program& program) {
    write_page_tables(memory_);
    write_gate(memory_);
    // An I/O permission map that permits all (Intel SDM vol. 1 s. 19.5.2): the software flavour of
    // KVM goes by it and not by IOPL.
    put(memory_, kTask + 0x66, kPortMap);
    for (std::size_t i = 0; i < std::size(kDescriptors); ++i) {
        put(memory_, kGdt + 8 * i, kDescriptors[i]);
    }
    HVLAB_ASSERT(memory_.write(kCode, std::as_bytes(std::span(program.code))));
}

void Guest::set_rounds(std::uint64_t rounds) {
    rounds_ = rounds;
    CpuState state = vcpu_->state();
    state.gpr[kRdx] = rounds;
    vcpu_->set_state(state);
}

void Guest::run(Clock::time_point end) {
    // A guest that does not come back must not hold us up.
    Budget budget;
    if (auto* timer = vcpu_->capability<HostTimer>()) {
        timer->set_end(end);
    } else if (vcpu_->capability<InstructionCounter>() != nullptr) {
        budget.instructions = rounds_ * program_.instructions + 1000;
    }
    const Exit exit = vcpu_->run(budget);
    if (exit.kind == ExitKind::kStopped || exit.kind == ExitKind::kHalted) return;
    if (exit.kind == ExitKind::kBudget) throw Error("the guest did not come to its end in time");
    throw Error(exit.detail.empty() ? fmt::format("the guest ended with: {}", to_string(exit.kind))
                                    : fmt::format("the guest ended with: {}: {}",
                                                  to_string(exit.kind), exit.detail));
}

}  // namespace hvlab::probing
