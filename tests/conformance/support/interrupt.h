// SPDX-License-Identifier: GPL-2.0-or-later
//
// What checks of interrupts and NMIs have in common: a guest in which every vector ends the run.
#pragma once

#include <cstdint>
#include <span>

#include "tests/conformance/support/suite.h"

namespace hvlab::conformance {

inline constexpr std::uint8_t kVector = 0x30;
inline constexpr std::uint64_t kInterruptFlag = 0x200;
inline constexpr unsigned kNotCaught = 256;

inline void enable(Guest& guest) {
    guest.change([](CpuState& state) { state.rflags |= kInterruptFlag; });
}

class InterruptTest : public GuestTest {
protected:
    void boot(std::span<const std::byte> code, Mode mode = Mode::kLong) {
        guest().boot(code, mode);
        guest().catch_everything();
    }
    // Runs to a stub and says which; kNotCaught if it ended elsewhere.
    unsigned caught() {
        guest().finish();
        return guest().caught() ? guest().caught()->vector : kNotCaught;
    }
    // Where the interrupted program goes on.
    std::uint64_t interrupted() { return guest().caught() ? guest().caught()->rip : 0; }
    void request() { guest().handler.request_interrupt(kVector); }
};

}  // namespace hvlab::conformance
