// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace hvlab {

inline constexpr std::size_t kBuiltinFirmwareSize = 64 * 1024;

// The ROM of fixtures/firmware (docs/design/firmware.md), as it was assembled.
std::span<const std::byte> builtin_firmware();

}  // namespace hvlab
