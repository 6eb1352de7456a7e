// SPDX-License-Identifier: GPL-2.0-or-later
//
// One guest for a check: 2 MiB of RAM at 0, 64 KiB at 4 GiB, a vCPU and the test's handler.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "tests/conformance/support/guest_code.h"
#include "tests/conformance/support/handler.h"
#include "tests/conformance/support/modes.h"
#include "tests/conformance/support/ram.h"
#include "tests/conformance/support/tested_backend.h"

namespace hvlab::conformance {

// What a handler of catch_everything() found on its stack.
struct Caught {
    unsigned vector = 0;
    std::optional<std::uint32_t> error_code{};
    std::uint64_t rip = 0;
    std::uint16_t cs = 0;
    std::uint64_t flags = 0;
};

class Guest {
public:
    explicit Guest(const TestedBackend& backend);

    // `code` at an address; long mode and the others, at kEntry unless the state says otherwise.
    void load(std::span<const std::byte> code, GuestAddress at = kEntry);
    void load(std::initializer_list<std::uint8_t> code, GuestAddress at);
    void enter(Mode mode);
    void boot(std::span<const std::byte> code, Mode mode = Mode::kLong);

    void set_gate(const Gate& gate) { write_gate(ram, mode_, gate); }
    // Every vector leads to a stub of its own that ends the run.
    void catch_everything();
    // The stub at which the run ended; nothing if it ended elsewhere.
    std::optional<Caught> caught() const;

    // Runs to an exit. A guest that does not come to one fails the check: after ten million
    // instructions where they are counted, after 20 s elsewhere.
    Exit run();
    // Exactly that many instructions; anything but kBudget fails the check.
    void step(std::uint64_t instructions);
    // To the guest's own end (kStopPort); anything else fails the check.
    void finish();

    CpuState state() const { return vcpu->state(); }
    std::uint64_t gpr(Gpr reg) const { return vcpu->state().gpr[reg]; }
    std::uint64_t rip() const { return vcpu->state().rip; }
    void set(Gpr reg, std::uint64_t value);
    template <typename Change>
    void change(Change&& change) {
        CpuState state = vcpu->state();
        change(state);
        vcpu->set_state(state);
    }
    // The value `bytes` above the top of the stack.
    template <typename T>
    T stack(std::uint64_t bytes) const {
        const CpuState now = vcpu->state();
        return ram.get<T>((is_long(mode_) ? 0 : now.ss.base) + now.gpr[kRsp] + bytes);
    }
    // Writes as the host does: the backend is told.
    template <typename T>
    void host_put(GuestAddress address, const T& value) {
        ram.put(address, value);
        vm->host_wrote(address, sizeof value);
    }
    PageBitmap fetch_dirty();

    Ram ram{kRamSize};
    Ram high{kHighRamSize};
    Handler handler;
    std::unique_ptr<Vm> vm;
    std::unique_ptr<Vcpu> vcpu;
    InstructionCounter* counter = nullptr;  // null where the backend does not count

private:
    Mode mode_ = Mode::kReal;
};

}  // namespace hvlab::conformance
