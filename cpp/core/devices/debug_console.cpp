// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/debug_console.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

void DebugConsole::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
}

void DebugConsole::load(StateReader& reader) {
    reader.begin(name(), kVersion);
}

}  // namespace hvlab
