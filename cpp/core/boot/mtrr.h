// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/cpu/cpu_state.h"

namespace hvlab {

// Of every CPU model.
inline constexpr unsigned kPhysicalAddressBits = 40;

// MTRRs as a PC's firmware leaves them (Intel SDM vol. 3 s. 12.11): RAM write-back, the device hole
// below 4 GiB and video memory uncached, ROMs write-protected.
void set_firmware_mtrrs(Msrs& msrs);

}  // namespace hvlab
