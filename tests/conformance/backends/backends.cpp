// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/backends/backends.h"

namespace hvlab::conformance {

const std::vector<TestedBackend>& tested_backends() {
    static const std::vector<TestedBackend> all = {unicorn_backend(), kvm_backend()};
    return all;
}

const std::vector<TestedBackend>& tested_variants() {
    static const std::vector<TestedBackend> all = {unicorn_backend(), kvm_backend(),
                                                   kvm_with_other_log()};
    return all;
}

}  // namespace hvlab::conformance
