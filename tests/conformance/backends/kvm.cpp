// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_backend.h"

#include "tests/conformance/backends/backends.h"

namespace hvlab::conformance {

TestedBackend kvm_backend() {
    return {.name = std::string(KvmBackend::kName),
            .create = [] { return std::make_unique<KvmBackend>(); },
            .lacks = {},
            .diverges = {}};
}

}  // namespace hvlab::conformance
