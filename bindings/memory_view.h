// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <span>

#include "core/base/mapping.h"

namespace hvlab::python {

// Keeps the mapping alive when the machine is gone.
struct MemoryView {
    std::shared_ptr<const Mapping> mapping;
    std::span<const std::byte> bytes;
};

}  // namespace hvlab::python
