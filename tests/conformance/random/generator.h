// SPDX-License-Identifier: GPL-2.0-or-later
//
// Draws programs of the x86-64-v2 model's instructions, user and kernel: integer, shifts,
// multiplication and division, strings, bits, conditional moves and forward jumps, stack, x87, MMX,
// SSE to SSE4.2, atomics, ports, memory-mapped accesses, system instructions, code that changes
// itself. Memory operands stay in a data window but for a few that fault on purpose; the handlers
// of the guest then go on behind the instruction.
//
// The same seed gives the same program on every host.
#pragma once

#include "tests/conformance/random/program.h"

namespace hvlab::conformance {

// About `instructions` of them (a few more where the last item has several).
Program generate(std::uint64_t seed, std::size_t instructions);

}  // namespace hvlab::conformance
