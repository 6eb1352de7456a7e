// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

#include "core/bus/device.h"

namespace hvlab {

// Stands where read-only memory is mapped: reads and fetches never get here, writes end here and
// change nothing.
class Rom final : public Device {
public:
    std::string_view name() const override { return "rom"; }
    std::uint64_t read(std::uint64_t, unsigned) override { return ~std::uint64_t{0}; }
    void write(std::uint64_t, unsigned, std::uint64_t) override {}
    void reset() override {}
    void save(StateWriter& writer) const override { writer.begin(name(), 1); }
    void load(StateReader& reader) override { reader.begin(name(), 1); }
};

}  // namespace hvlab
