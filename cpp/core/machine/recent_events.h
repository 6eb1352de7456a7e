// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/units.h"

namespace hvlab {

// One of the things that happened to a machine last: what somebody wants to see who asks why a
// guest hangs. All values are guest-controlled.
struct RecentEvent {
    enum class Kind : std::uint8_t {
        kPortRead,     // address: port
        kPortWrite,    // address: port
        kMemoryRead,   // address: guest-physical, where no RAM is
        kMemoryWrite,  // address: guest-physical, where no RAM is
        kInterrupt,    // value: the vector that the vCPU took from the controllers
        kNmi,          // raised from outside
        kHalt,         // HLT, and nothing to do
        kWake,         // ... until an interrupt came
        kReset,        // from outside
        kInput,        // value: bytes for the console or the keyboard
        kStop,         // value: the StopReason of what the guest did; address: RIP
    };

    Nanoseconds time = 0;  // guest time; of the instruction, or of its end on a backend that
                           // does not count
    std::uint64_t address = 0;
    std::uint64_t value = 0;
    Kind kind = Kind::kPortRead;
    std::uint8_t size = 0;   // bytes, of an access
    bool unclaimed = false;  // nothing answered

    bool is_access() const { return kind <= Kind::kMemoryWrite; }
};

std::string_view to_string(RecentEvent::Kind kind);
// For a person, without time and kind: "0x41 to port 0x3f8".
std::string describe(const RecentEvent& event);

// The last kKept events of a machine. One is noted with every exit, so noting is a few stores: the
// time is a stamp, a number that grows with guest time and that is turned into it later.
class RecentEvents {
public:
    static constexpr std::size_t kKept = 256;

    void note(RecentEvent::Kind kind, std::uint64_t stamp, std::uint64_t address = 0,
              std::uint64_t value = 0, unsigned size = 0, bool unclaimed = false) {
        entries_[count_++ % kKept] = {.time = static_cast<Nanoseconds>(stamp),
                                      .address = address,
                                      .value = value,
                                      .kind = kind,
                                      .size = static_cast<std::uint8_t>(size),
                                      .unclaimed = unclaimed};
    }

    // Turns the stamps noted since the last call into guest time.
    template <typename ToTime>
    void settle(ToTime&& to_time) {
        for (std::uint64_t i = std::max(settled_, first()); i < count_; ++i) {
            Nanoseconds& time = entries_[i % kKept].time;
            time = to_time(static_cast<std::uint64_t>(time));
        }
        settled_ = count_;
    }

    // Oldest first; all of them settled.
    std::vector<RecentEvent> all() const;
    // Noted since the machine was made, also what is not kept any more.
    std::uint64_t count() const { return count_; }

private:
    std::uint64_t first() const { return count_ - std::min<std::uint64_t>(count_, kKept); }

    std::array<RecentEvent, kKept> entries_{};
    std::uint64_t count_ = 0;
    std::uint64_t settled_ = 0;
};

}  // namespace hvlab
