// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "tests/conformance/random/program.h"
#include "tests/conformance/support/timed_guest.h"

namespace hvlab::conformance {

// Runs generated programs, one after the other: an address space of its own, an interrupt table
// whose handlers note what came and go on behind the instruction.
class ProgramGuest : public TimedGuest {
public:
    explicit ProgramGuest(const TestedBackend& backend);

    // Puts the program in place, registers and window filled from its seed.
    void start(const Program& program, const Layout& layout);

    // Exceptions that the handlers have skipped.
    std::uint64_t skipped() const;

private:
    void write_address_space();
    void write_handlers();
};

}  // namespace hvlab::conformance
