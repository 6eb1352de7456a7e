// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "core/cpu/cpu_state.h"

namespace hvlab {

// Does the exception push an error code? (Intel SDM vol. 3 table 6-1.)
bool pushes_error_code(std::uint8_t vector);

// Bits of registers that a backend has.
struct RepresentableBits {
    std::uint64_t cr4 = 0;
    std::uint64_t efer = 0;
};

// Throws BackendError of that backend, naming the field: bits that it does not have, and what no
// processor can be in.
void check_representable(const CpuState& state, std::string_view backend,
                         const RepresentableBits& bits);
// Likewise, for one register.
void check_bits(std::string_view backend, std::string_view name, std::uint64_t value,
                std::uint64_t representable);

}  // namespace hvlab
