// SPDX-License-Identifier: GPL-2.0-or-later
//
// The guests of the probe: a few instructions each, in 64-bit mode, entered with everything set up.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "core/hypervisor/hypervisor.h"
#include "core/memory/guest_memory.h"

namespace hvlab::probing {

using Clock = std::chrono::steady_clock;

// Linear addresses equal physical ones, up to 16 MiB.
inline constexpr std::uint64_t kMemorySize = 8 * kMiB;
inline constexpr GuestAddress kFresh = 4 * kMiB;  // from here on nothing is touched by the set-up
inline constexpr std::uint64_t kFreshPages = (kMemorySize - kFresh) / kPageSize;
inline constexpr GuestAddress kNowhere = 12 * kMiB;  // no RAM, but in the page tables
inline constexpr std::uint16_t kIdlePort = 0x80;     // the handler does nothing
inline constexpr std::uint16_t kStopPort = 0xF4;     // ends the run
inline constexpr std::uint8_t kWakeVector = 0x20;

// Each of them does `RDX` rounds, writes to kStopPort, and begins again at the next run.
struct Program {
    std::vector<std::uint8_t> code;
    std::uint64_t per_round;     // of what is measured
    std::uint64_t instructions;  // of a round, for a limit where they are counted
    bool user = false;
    GuestAddress pointer = kNowhere;  // RBX at the beginning
};
Program count_down(bool user);  // per round: two instructions
Program write_port();           // 64 writes to kIdlePort
Program write_memory();         // 64 stores to kNowhere
Program touch_pages();          // a store to a page, from kFresh on; user mode
// Halts at once. Its interrupt handler is its beginning, so that each wake-up is a round.
Program halt();

// What a device would do at the other end: nothing, but for the port that ends the run.
class Handler : public VcpuHandler {
public:
    Vcpu* vcpu = nullptr;

    std::uint32_t port_read(std::uint16_t, unsigned) override { return 0; }
    void port_write(std::uint16_t port, unsigned, std::uint32_t) override {
        if (port == kStopPort) vcpu->request_stop();
    }
    std::uint64_t memory_read(GuestAddress, unsigned) override { return 0; }
    void memory_write(GuestAddress, unsigned, std::uint64_t) override {}
    std::optional<std::uint8_t> acknowledge_interrupt() override {
        vcpu->set_interrupt_line(false);
        return kWakeVector;
    }
    std::uint64_t time_stamp() override { return 0; }
    std::uint64_t random() override { return 0; }
    std::optional<std::uint64_t> msr_read(std::uint32_t) override { return std::nullopt; }
    bool msr_write(std::uint32_t, std::uint64_t) override { return false; }
};

// A guest with a program in it, not yet run.
class Guest {
public:
    // Throws Error.
    Guest(Backend& backend, const Program& program, std::uint64_t rounds);

    // Runs to the end of the program's rounds, or to its HLT. Throws Error if the guest does
    // anything else, or is not there by `end`.
    void run(Clock::time_point end);
    // Ends a halt: the next run takes an interrupt.
    void wake() { vcpu_->set_interrupt_line(true); }
    // From now on, so many rounds a run.
    void set_rounds(std::uint64_t rounds);

private:
    void load(const Program& program);

    Program program_;
    std::uint64_t rounds_;
    GuestMemory memory_{kMemorySize};
    Handler handler_;
    std::unique_ptr<Vm> vm_;
    std::unique_ptr<Vcpu> vcpu_;
};

}  // namespace hvlab::probing
