// SPDX-License-Identifier: GPL-2.0-or-later
//
// Low memory as Linux and plain ELF programs find it (docs/boot.md): fixed, so that a guest can
// know what it must not overwrite before it has tables of its own.
#pragma once

#include "core/base/units.h"
#include "core/boot/long_mode.h"

namespace hvlab {

inline constexpr GuestAddress kLowStackTop = 0x8000;  // one page
inline constexpr GuestAddress kLowGdt = 0x8000;
inline constexpr GuestAddress kLowPageTables = 0x9000;
// From here on an image may lie.
inline constexpr GuestAddress kLowTablesEnd = 0x10000;
static_assert(kLowGdt + kLongModeGdtSize <= kLowPageTables);
static_assert(kLowPageTables + kLongModePageTables <= kLowTablesEnd);

}  // namespace hvlab
