// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/units.h"
#include "core/machine/awaited.h"
#include "core/machine/console.h"

namespace hvlab {

// Why a run returned to the caller.
enum class StopReason : std::uint8_t {
    kMatch,            // something that was waited for happened: `event` says which
    kDebugExit,        // the guest wrote to the debug-exit port; `code` is the value
    kHalted,           // HLT that nothing will ever end
    kReset,            // the guest asked for a reset
    kTripleFault,      // the vCPU shut down
    kBudget,           // the instruction budget is used up
    kDeadline,         // guest time came to the deadline
    kWallDeadline,     // the host's clock came to the deadline
    kUnhandledAccess,  // an access that nothing answers, where the machine was told to stop at one
    kGuestFault,       // an exception of a micro-guest that it has no handler for
    kGuestCall,        // a micro-guest calls the host; `code` is the first argument
    kDoorbell,         // a micro-guest rang; `code` is what it wrote
    kInterrupted,      // interrupt() was called
    kError,            // the backend could not go on
};

std::string_view to_string(StopReason reason);

// An access that nothing answered.
struct UnhandledAccess {
    enum class Kind : std::uint8_t { kPort, kMemory, kFetch };

    Kind kind = Kind::kMemory;
    std::uint64_t address = 0;
    unsigned size = 0;
    bool write = false;
    std::uint64_t value = 0;
};

// An exception that nothing in a micro-guest handled.
struct GuestFault {
    std::uint8_t vector = 0;
    std::uint64_t error_code = 0;  // 0 where the exception has none
    std::uint64_t rip = 0;
    std::uint64_t cr2 = 0;  // of the last page fault
    bool in_shim = false;   // the kernel's own: the guest's stack was no memory, for instance
};

// What a person needs to see when a run has returned.
struct Stop {
    StopReason reason = StopReason::kError;
    std::string machine = {};  // the machine that caused it
    Nanoseconds time = 0;
    std::optional<std::uint64_t> instructions = {};  // absent where the backend cannot count
    std::uint64_t rip = 0;
    std::string message = {};                    // one sentence
    std::optional<std::uint64_t> code = {};      // kDebugExit, kGuestCall, kDoorbell
    std::optional<UnhandledAccess> access = {};  // kUnhandledAccess
    std::optional<GuestFault> fault = {};        // kGuestFault
    // kGuestCall: RDI, RSI and RDX
    std::optional<std::array<std::uint64_t, 3>> arguments = {};
    // kMatch: which of the run's events, and either what the guest printed or showed, or what it
    // wrote to a port
    std::optional<std::size_t> event = {};
    std::optional<ConsoleMatch> match = {};
    std::optional<PortWrite> port_write = {};
};

}  // namespace hvlab
