// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/tested_backend.h"

#include <fnmatch.h>

#include <algorithm>

#include "core/base/status.h"

namespace hvlab::conformance {

std::string_view to_string(Feature feature) {
    switch (feature) {
        case Feature::kInstructionCount:
            return "instruction counting";
        case Feature::kTranslationCache:
            return "a translation cache";
        case Feature::kHostTimer:
            return "runs that end by the host's clock";
        case Feature::kGeneralRegisters:
            return "registers without the rest of the state";
        case Feature::kDebugger:
            return "stops for a debugger";
        case Feature::kHandlerTime:
            return "a time-stamp counter read from the handler";
        case Feature::kHandlerRandom:
            return "random numbers read from the handler";
        case Feature::kLegacyPaging:
            return "paging outside long mode";
        case Feature::kBreakpoints:
            return "debug traps";
        case Feature::kPageWalkLog:
            return "page walks in the dirty log";
        case Feature::kCount:
            break;
    }
    HVLAB_ASSERT(!"a feature that does not exist");
    return {};
}

std::optional<std::string> TestedBackend::lack(Feature feature) const {
    if (const auto found = lacks.find(feature); found != lacks.end()) {
        return name + " lacks " + std::string(to_string(feature)) + ": " + found->second;
    }
    if (feature == Feature::kInstructionCount && !create()->capabilities().instruction_count) {
        return name + " lacks " + std::string(to_string(feature));
    }
    return std::nullopt;
}

const Divergence* TestedBackend::divergence(const std::string& check) const {
    const auto found = std::ranges::find_if(diverges, [&](const Divergence& each) {
        return fnmatch(each.checks.c_str(), check.c_str(), 0) == 0;
    });
    return found == diverges.end() ? nullptr : &*found;
}

TestedBackend sharing(Backend& backend) {
    struct Shared : Backend {
        explicit Shared(Backend& the_backend) : backend(the_backend) {}
        std::string_view name() const override { return backend.name(); }
        Capabilities capabilities() const override { return backend.capabilities(); }
        std::unique_ptr<Vm> create_vm(const CpuModel& model) override {
            return backend.create_vm(model);
        }
        Backend& backend;
    };
    return {.name = std::string(backend.name()),
            .create = [&backend] { return std::make_unique<Shared>(backend); },
            .lacks = {},
            .diverges = {}};
}

void PrintTo(const TestedBackend& backend, std::ostream* out) {
    *out << backend.name;
}

}  // namespace hvlab::conformance
