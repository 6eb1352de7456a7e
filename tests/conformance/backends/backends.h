// SPDX-License-Identifier: GPL-2.0-or-later
//
// One function a backend, each in a file of its own: the only files of the suite that know one.
#pragma once

#include "tests/conformance/support/tested_backend.h"

namespace hvlab::conformance {

TestedBackend kvm_backend();
TestedBackend kvm_with_ring();
TestedBackend kvm_with_bitmap();
TestedBackend kvm_with_other_log();  // than kvm_backend() has on this host
TestedBackend unicorn_backend();

}  // namespace hvlab::conformance
