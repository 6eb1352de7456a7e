// SPDX-License-Identifier: GPL-2.0-or-later
//
// A guest whose runs can be cut anywhere and compared: a timer that interrupts by instruction
// count, answers of devices that depend on the count, a digest of everything. For backends that
// count.
#pragma once

#include <limits>
#include <string>

#include "tests/conformance/support/guest.h"

namespace hvlab::conformance {

class TimedGuest : public Guest {
public:
    static constexpr std::uint8_t kTimerVector = 0x30;
    static constexpr std::uint8_t kTimerPort = 0x84;  // a write arms the timer, close by

    explicit TimedGuest(const TestedBackend& backend);

    // Runs to that count exactly, serving the timer and HLT on the way, or to the guest's own end
    // if it comes there. Empty, or what went wrong.
    [[nodiscard]] std::string run_to(std::uint64_t count);
    bool ended() const { return ended_; }

    // Everything that the guest or a device can tell.
    struct Snapshot {
        CpuState state;
        std::string memory;  // digest
        std::uint64_t fingerprint = 0;
        std::uint64_t calls = 0;
        bool operator==(const Snapshot&) const = default;
    };
    Snapshot snapshot() const;

    // Continues where `other` is: its state goes through bytes, as a saved one does.
    void take_over(const TimedGuest& other);

protected:
    static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

    void set_timer(std::uint64_t count, std::uint64_t period);
    // Begins anew: no timer, no log, count 0.
    void restart();
    // What of RAM a snapshot looks at; all by default.
    void set_observed(GuestAddress begin, GuestAddress end);

private:
    void arm_from_guest(std::uint64_t count);

    std::uint64_t timer_ = kNever;
    std::uint64_t period_ = 0;  // 0: once
    std::uint64_t target_ = kNever;
    bool ended_ = false;
    GuestAddress observed_begin_ = 0;
    GuestAddress observed_end_ = kRamSize;
};

// One line a difference; empty if there is none.
std::string differences(const TimedGuest::Snapshot& expected, const TimedGuest::Snapshot& found);

}  // namespace hvlab::conformance
