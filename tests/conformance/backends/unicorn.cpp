// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_backend.h"

#include "tests/conformance/backends/backends.h"

namespace hvlab::conformance {
namespace {

std::vector<Divergence> divergences() {
    return {
        {"Exceptions.AreDelivered/NotCanonicalJump_unicorn",
         "#GP is raised at the target of the jump, as AMD has it"},
    };
}

}  // namespace

TestedBackend unicorn_backend() {
    return {.name = std::string(UnicornBackend::kName),
            .create = [] { return std::make_unique<UnicornBackend>(); },
            .lacks = {{Feature::kHostTimer, "it ends runs by budgets"},
                      {Feature::kGeneralRegisters, "its whole state costs no system call"},
                      {Feature::kDebugger, "a budget of one instruction is a single step"}},
            .diverges = divergences()};
}

}  // namespace hvlab::conformance
