// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/hypervisor/hypervisor.h"

#include "core/base/status.h"

namespace hvlab {

std::string_view to_string(ExitKind kind) {
    switch (kind) {
        case ExitKind::kBudget:
            return "budget";
        case ExitKind::kKicked:
            return "kicked";
        case ExitKind::kStopped:
            return "stopped";
        case ExitKind::kHalted:
            return "halted";
        case ExitKind::kTripleFault:
            return "triple fault";
        case ExitKind::kFetchFault:
            return "fetch fault";
        case ExitKind::kDebug:
            return "debug";
        case ExitKind::kInternal:
            return "internal";
    }
    HVLAB_ASSERT(false && "unknown ExitKind");
    return {};
}

}  // namespace hvlab
