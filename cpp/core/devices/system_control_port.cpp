// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/system_control_port.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kControlBits = 0x0F;
constexpr std::uint8_t kRefresh = 0x10;
constexpr std::uint8_t kOut2 = 0x20;

// A row is refreshed every 18 clocks of the timer, 15.086 us.
constexpr Nanoseconds kRefreshPeriod = 15'086;

}  // namespace

SystemControlPort::SystemControlPort(Timeline& timeline, Pit& pit)
    : timeline_(timeline), pit_(pit) {
    reset();
}

void SystemControlPort::reset() {
    control_ = 0;
    pit_.set_gate2(false);
}

std::uint8_t SystemControlPort::read_byte(std::uint64_t offset) {
    if (offset != 0) return 0xFF;
    std::uint8_t value = control_;
    if (timeline_.now() / kRefreshPeriod % 2 != 0) value |= kRefresh;
    if (pit_.out2()) value |= kOut2;
    return value;
}

void SystemControlPort::write_byte(std::uint64_t offset, std::uint8_t value) {
    if (offset != 0) return;
    control_ = value & kControlBits;
    pit_.set_gate2((control_ & 1) != 0);
}

void SystemControlPort::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(control_);
}

void SystemControlPort::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    control_ = reader.get_in<std::uint8_t>(0, kControlBits, "control");
}

}  // namespace hvlab
