// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/fast_a20.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kReset = 0x01;
constexpr std::uint8_t kGate = 0x02;

}  // namespace

FastA20::FastA20(InterruptLine& a20) : a20_(a20) {
    reset();
}

void FastA20::reset() {
    value_ = 0;
    a20_.raise();
}

std::uint8_t FastA20::read_byte(std::uint64_t offset) {
    if (offset != 0) return 0xFF;
    return value_ | (a20_.level() ? kGate : std::uint8_t{0});
}

void FastA20::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset != 0) return;
    const bool resets = (value & ~value_ & kReset) != 0;
    value_ = value & static_cast<std::uint8_t>(~kGate);
    a20_.set((value & kGate) != 0);
    if (resets && reset_) reset_();
}

void FastA20::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(value_);
    writer.put(a20_.level());
}

void FastA20::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto value = reader.get<std::uint8_t>();
    const bool gate = reader.get_bool();
    value_ = value & static_cast<std::uint8_t>(~kGate);
    a20_.restore(gate);
}

}  // namespace hvlab
