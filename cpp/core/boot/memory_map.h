// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

// As INT 15h, AX = E820h numbers them (ACPI 6.5 table 15.4).
enum class MemoryType : std::uint32_t { kRam = 1, kReserved = 2 };

struct MemoryRange {
    GuestAddress start = 0;
    GuestAddress end = 0;  // exclusive
    MemoryType type = MemoryType::kRam;

    bool operator==(const MemoryRange&) const = default;
};

// The last KiB below 640 KiB is where a BIOS has its extended data area; RAM ends before it.
inline constexpr GuestAddress kLowMemoryEnd = 0x9FC00;

// What a guest is told of its memory, by ascending address: RAM below and above the device hole,
// the PC's reserved area below 1 MiB.
std::vector<MemoryRange> memory_map(const GuestMemory& memory);

}  // namespace hvlab
