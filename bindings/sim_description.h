// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "sim/model/description.h"

namespace hvlab::python {

// From what hvlab.sim's ClusterSpec.plain gives: mappings of plain values, durations in ns. Types
// are checked here, values by sim::check. Throws ConfigError.
sim::Description description_from(const pybind11::dict& plain, std::uint64_t seed);

}  // namespace hvlab::python
