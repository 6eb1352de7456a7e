// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace hvlab::micro {

// The kernel of micro-guests, assembled from micro_shim.S: the stub of vector v begins at byte
// v * kStubSize.
std::span<const std::byte> shim();

}  // namespace hvlab::micro
