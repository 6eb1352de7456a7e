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
            .lacks = {},
            .diverges = divergences()};
}

}  // namespace hvlab::conformance
