// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "core/devices/ata_channel.h"

namespace hvlab {

// What a drive says of itself (ATA/ATAPI-6 s. 8.15, table 27), with its present translation of
// cylinders, heads and sectors.
Sector identify_device(const AtaDrive& drive, std::uint8_t heads, std::uint8_t sectors);

}  // namespace hvlab
