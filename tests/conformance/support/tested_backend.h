// SPDX-License-Identifier: GPL-2.0-or-later
//
// The backends that the suite runs on, and what a check may need of one beyond the plain contract.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/hypervisor/hypervisor.h"

namespace hvlab::conformance {

// A check names those that it needs. It is skipped, with the reason, on a backend that lacks one;
// feature_test.cpp looks whether it is so.
enum class Feature : std::uint8_t {
    kInstructionCount,  // InstructionCounter: finite budgets, exact counts
    kTranslationCache,  // TranslationCache
    kHostTimer,         // HostTimer
    kGeneralRegisters,  // GeneralRegisters
    kDebugger,          // Debugger
    kHandlerTime,       // RDTSC reads VcpuHandler::time_stamp()
    kHandlerRandom,     // RDRAND and RDSEED read VcpuHandler::random()
    kLegacyPaging,      // paging outside long mode
    kBreakpoints,       // the guest's breakpoint registers and single-step traps
    kPageWalkLog,       // the dirty log holds the pages that page walks wrote
    kCount,
};

std::string_view to_string(Feature feature);

// A check that this backend is known to fail. It is run, and skipped with the reason where it
// fails; one that passes is a failure, so that the table (docs/conformance.md) stays true.
struct Divergence {
    std::string checks;  // full names, with * and ? as wildcards
    std::string reason;  // the manual's section, or the engine's defect
};

struct TestedBackend {
    std::string name;
    // Throws BackendUnavailable where the host lacks what the backend needs.
    std::function<std::unique_ptr<Backend>()> create;
    // What it lacks on this host, each with the reason, beyond what its capabilities tell.
    std::map<Feature, std::string> lacks;
    std::vector<Divergence> diverges;

    // Why the backend lacks that feature; nothing if it has it.
    std::optional<std::string> lack(Feature feature) const;
    // The divergence that covers the check of that full name, or null.
    const Divergence* divergence(const std::string& check) const;
};

// For a test that has a backend already: its guests share it.
TestedBackend sharing(Backend& backend);

void PrintTo(const TestedBackend& backend, std::ostream* out);

// All that this build has; the list is in tests/conformance/backends/.
const std::vector<TestedBackend>& tested_backends();
// These and some once more with other settings, for checks of memory.
const std::vector<TestedBackend>& tested_variants();

}  // namespace hvlab::conformance
