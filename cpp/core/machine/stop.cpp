// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/stop.h"

#include "core/base/status.h"

namespace hvlab {

std::string_view to_string(StopReason reason) {
    switch (reason) {
        case StopReason::kMatch:
            return "match";
        case StopReason::kDebugExit:
            return "debug-exit";
        case StopReason::kHalted:
            return "halted";
        case StopReason::kReset:
            return "reset";
        case StopReason::kTripleFault:
            return "triple-fault";
        case StopReason::kBudget:
            return "budget";
        case StopReason::kDeadline:
            return "deadline";
        case StopReason::kWallDeadline:
            return "wall-deadline";
        case StopReason::kUnhandledAccess:
            return "unhandled-access";
        case StopReason::kGuestFault:
            return "guest-fault";
        case StopReason::kGuestCall:
            return "guest-call";
        case StopReason::kDoorbell:
            return "doorbell";
        case StopReason::kInterrupted:
            return "interrupted";
        case StopReason::kError:
            return "error";
    }
    HVLAB_ASSERT(false && "unknown stop reason");
}

}  // namespace hvlab
