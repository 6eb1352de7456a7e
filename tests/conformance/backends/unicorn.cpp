// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_backend.h"

#include "tests/conformance/backends/backends.h"

namespace hvlab::conformance {
namespace {

constexpr const char* kReadsTooMuch =
    "a read over the end of a region is made of two aligned ones: the handler is asked for bytes "
    "that the guest does not read";
constexpr const char* kWritesInParts =
    "a 16-byte store is two of 8: a fault of the second leaves the first done";

std::vector<Divergence> divergences() {
    return {
        {"Edges.Access/*Nothing*_Read[136]*_unicorn", kReadsTooMuch},
        {"Edges.Access/HoleEnd_Read[136]*_unicorn", kReadsTooMuch},
        {"Edges.Access/LastRam_Read[136]*_unicorn", kReadsTooMuch},
        {"Edges.Access/WithinDevice_Read[136]*_unicorn", kReadsTooMuch},
        {"FaultingEdges.HaveNoEffect/*_Write128_unicorn", kWritesInParts},
        {"EdgeDetails.AReadOnlySecondPageKeepsTheFirstUnwritten/unicorn", kWritesInParts},
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
