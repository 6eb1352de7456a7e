// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "core/machine/external_device.h"

namespace hvlab::python {

// Devices as Python gives them to a machine: tuples of the device, whether its range is memory, the
// range's start, size and first offset, and its IRQ or None. One device may have several.
std::vector<ExternalDeviceConfig> device_configs(const pybind11::sequence& placements);

}  // namespace hvlab::python
