// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/micro_ports.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

std::uint64_t MicroPorts::read(std::uint64_t, unsigned) {
    return 0;
}

void MicroPorts::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (size != 4) return;
    const auto word = static_cast<std::uint32_t>(value);
    if (offset == kReport && report_) report_(word);
    if (offset == kDoorbell && doorbell_) doorbell_(word);
}

void MicroPorts::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
}

void MicroPorts::load(StateReader& reader) {
    reader.begin(name(), kVersion);
}

}  // namespace hvlab
