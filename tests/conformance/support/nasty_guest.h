// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "tests/conformance/support/timed_guest.h"

namespace hvlab::conformance {

// guests/nasty.S: a long-mode guest that does, over and over, what makes exact counting and precise
// exits hard.
class NastyGuest : public TimedGuest {
public:
    explicit NastyGuest(const TestedBackend& backend);

    // How often the guest did what it is there for, by the counters that it keeps.
    static constexpr const char* kCounters[] = {"user rounds", "page faults", "interrupts",
                                                "NMIs",        "debug traps", "undefined",
                                                "skipped",     "software"};
    std::uint64_t times(unsigned index) const {
        return ram.get<std::uint64_t>(0x44000 + index * 8);
    }
};

}  // namespace hvlab::conformance
