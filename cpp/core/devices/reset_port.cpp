// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/reset_port.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kOffset = 1;  // 0xCF9
constexpr std::uint8_t kHard = 0x02;
constexpr std::uint8_t kReset = 0x04;
constexpr std::uint8_t kBits = 0x0E;

}  // namespace

std::uint64_t ResetPort::read(std::uint64_t offset, unsigned size) {
    return offset == kOffset && size == 1 ? control_ : ~std::uint64_t{0};
}

void ResetPort::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (offset != kOffset || size != 1) return;
    const std::uint8_t before = control_;
    control_ = static_cast<std::uint8_t>(value & kBits);
    const bool rises = (control_ & ~before & kReset) != 0;
    if (rises && reset_) reset_((control_ & kHard) != 0);
}

void ResetPort::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    writer.put(control_);
}

void ResetPort::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    control_ = reader.get<std::uint8_t>() & kBits;
}

}  // namespace hvlab
