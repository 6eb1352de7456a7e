// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace hvlab::sim {

// Bytes that this process may still take: what the kernel says is available, or its control group's
// limit if that is less. 0 if neither can be read.
std::uint64_t available_memory();

// Throws ConfigError if a run of `needed` bytes does not fit into `limit` bytes, or, if that is 0,
// into what is available.
void require_memory(std::uint64_t needed, std::uint64_t limit);

}  // namespace hvlab::sim
