// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/recent_events.h"

#include <fmt/format.h>

#include "core/base/status.h"
#include "core/machine/stop.h"

namespace hvlab {

std::string_view to_string(RecentEvent::Kind kind) {
    switch (kind) {
        case RecentEvent::Kind::kPortRead:
            return "port-read";
        case RecentEvent::Kind::kPortWrite:
            return "port-write";
        case RecentEvent::Kind::kMemoryRead:
            return "memory-read";
        case RecentEvent::Kind::kMemoryWrite:
            return "memory-write";
        case RecentEvent::Kind::kInterrupt:
            return "interrupt";
        case RecentEvent::Kind::kNmi:
            return "nmi";
        case RecentEvent::Kind::kHalt:
            return "halt";
        case RecentEvent::Kind::kWake:
            return "wake";
        case RecentEvent::Kind::kReset:
            return "reset";
        case RecentEvent::Kind::kInput:
            return "input";
        case RecentEvent::Kind::kStop:
            return "stop";
    }
    HVLAB_ASSERT(false && "unknown kind of event");
}

namespace {

std::string describe_access(const RecentEvent& event) {
    const bool port =
        event.kind == RecentEvent::Kind::kPortRead || event.kind == RecentEvent::Kind::kPortWrite;
    const bool write = event.kind == RecentEvent::Kind::kPortWrite ||
                       event.kind == RecentEvent::Kind::kMemoryWrite;
    const std::string digits = fmt::format("{:#0{}x}", event.value, 2 + 2 * event.size);
    const std::string place = fmt::format("{} {:#x}", port ? "port" : "address", event.address);
    return fmt::format("{}{}", write ? digits + " to " + place : place + ": " + digits,
                       event.unclaimed ? ", nothing answers" : "");
}

}  // namespace

std::string describe(const RecentEvent& event) {
    switch (event.kind) {
        case RecentEvent::Kind::kPortRead:
        case RecentEvent::Kind::kPortWrite:
        case RecentEvent::Kind::kMemoryRead:
        case RecentEvent::Kind::kMemoryWrite:
            return describe_access(event);
        case RecentEvent::Kind::kInterrupt:
            return fmt::format("vector {:#x}", event.value);
        case RecentEvent::Kind::kNmi:
            return "raised from outside";
        case RecentEvent::Kind::kHalt:
            return "HLT";
        case RecentEvent::Kind::kWake:
            return "out of HLT";
        case RecentEvent::Kind::kReset:
            return "from outside";
        case RecentEvent::Kind::kInput:
            return fmt::format("{} bytes from outside", event.value);
        case RecentEvent::Kind::kStop:
            return fmt::format("{} at RIP {:#x}", to_string(static_cast<StopReason>(event.value)),
                               event.address);
    }
    HVLAB_ASSERT(false && "unknown kind of event");
}

std::vector<RecentEvent> RecentEvents::all() const {
    std::vector<RecentEvent> events;
    for (std::uint64_t i = first(); i < count_; ++i) events.push_back(entries_[i % kKept]);
    return events;
}

}  // namespace hvlab
