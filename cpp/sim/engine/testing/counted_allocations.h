// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace hvlab::sim {

// How often this test program has called operator new, on all threads.
std::uint64_t counted_allocations();

}  // namespace hvlab::sim
