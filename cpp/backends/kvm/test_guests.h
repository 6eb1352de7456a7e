// SPDX-License-Identifier: GPL-2.0-or-later
//
// The suite's guests on a backend that a test has already. For tests only.
#pragma once

#include <memory>
#include <string>

#include "backends/kvm/kvm_backend.h"
#include "tests/conformance/support/guest.h"

namespace hvlab::kvm {

inline conformance::TestedBackend guests_of(KvmBackend& backend) {
    struct Shared : Backend {
        explicit Shared(Backend& the_backend) : backend(the_backend) {}
        std::string_view name() const override { return backend.name(); }
        Capabilities capabilities() const override { return backend.capabilities(); }
        std::unique_ptr<Vm> create_vm(const CpuModel& model) override {
            return backend.create_vm(model);
        }
        Backend& backend;
    };
    return {.name = std::string(KvmBackend::kName),
            .create = [&backend] { return std::make_unique<Shared>(backend); },
            .lacks = {},
            .diverges = {}};
}

}  // namespace hvlab::kvm
