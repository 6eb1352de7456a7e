// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/debug_exit.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

std::uint64_t DebugExit::read(std::uint64_t, unsigned) {
    return 0;
}

void DebugExit::write(std::uint64_t, unsigned, std::uint64_t value) {
    if (exited_) exited_(static_cast<std::uint32_t>(value));
}

void DebugExit::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
}

void DebugExit::load(StateReader& reader) {
    reader.begin(name(), kVersion);
}

}  // namespace hvlab
