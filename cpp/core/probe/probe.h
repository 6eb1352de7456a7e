// SPDX-License-Identifier: GPL-2.0-or-later
//
// How fast a backend is on this host, through the interfaces that everybody uses: what `hvlab
// doctor` says of it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/hypervisor/hypervisor.h"

namespace hvlab {

// A measured figure: the median of several rounds; or why there is none.
struct Figure {
    std::optional<double> value;
    std::string reason = {};  // empty if there is a value
};

struct ProbeFigures {
    // Instructions of 64-bit code a second, in a loop of two.
    Figure user_rate;    // at CPL 3
    Figure kernel_rate;  // at CPL 0
    // Seconds that one takes in kernel mode, handler and return to the guest included.
    Figure port_exit;    // OUT to a port
    Figure memory_exit;  // a store to where no RAM is
    Figure halt_exit;    // HLT, and the interrupt that ends it
    // Seconds: memory, VM, vCPU and state, up to the first exit of the first run; and their end.
    Figure create;
    Figure destroy;
    // Seconds that a store to a page takes which nobody has used before, in user mode.
    Figure first_touch;
};

// Measures for about `time` in all. What the backend cannot do, or does not come back from within
// its part of the time, has no figure. Throws nothing of the backend's.
ProbeFigures probe(Backend& backend,
                   std::chrono::milliseconds time = std::chrono::milliseconds(1000));

}  // namespace hvlab
