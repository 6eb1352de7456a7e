// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/units.h"
#include "core/machine/console.h"

namespace hvlab {

// Why a run returned to the caller.
enum class StopReason : std::uint8_t {
    kMatch,            // the console printed, or the screen shows, what was waited for
    kDebugExit,        // the guest wrote to the debug-exit port; `code` is the value
    kHalted,           // HLT that nothing will ever end
    kReset,            // the guest asked for a reset
    kTripleFault,      // the vCPU shut down
    kBudget,           // the instruction budget is used up
    kDeadline,         // guest time came to the deadline
    kWallDeadline,     // the host's clock came to the deadline
    kUnhandledAccess,  // an access that nothing answers, where the machine was told to stop at one
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

// What a person needs to see when a run has returned.
struct Stop {
    StopReason reason = StopReason::kError;
    std::string machine = {};  // the machine that caused it
    Nanoseconds time = 0;
    std::optional<std::uint64_t> instructions = {};  // absent where the backend cannot count
    std::uint64_t rip = 0;
    std::string message = {};                    // one sentence
    std::optional<std::uint64_t> code = {};      // kDebugExit
    std::optional<UnhandledAccess> access = {};  // kUnhandledAccess
    std::optional<ConsoleMatch> match = {};      // kMatch
};

}  // namespace hvlab
