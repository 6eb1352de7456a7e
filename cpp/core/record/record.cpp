// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/record/record.h"

#include <array>

namespace hvlab {

void RecordDigest::add(Kind kind, Nanoseconds time, std::uint64_t value) {
    const std::array<std::uint64_t, 3> entry{static_cast<std::uint64_t>(kind),
                                             static_cast<std::uint64_t>(time), value};
    hasher_.update(std::as_bytes(std::span{entry}));
    ++entries_;
}

void RecordDigest::console_input(Nanoseconds time, std::span<const std::byte> bytes) {
    add(Kind::kConsoleInput, time, bytes.size());
    hasher_.update(bytes);
}

void RecordDigest::keyboard_input(Nanoseconds time, std::span<const std::byte> scan_codes) {
    add(Kind::kKeyboardInput, time, scan_codes.size());
    hasher_.update(scan_codes);
}

void RecordDigest::nmi_raised(Nanoseconds time) {
    add(Kind::kNmi, time, 0);
}

void RecordDigest::machine_reset(Nanoseconds time) {
    add(Kind::kReset, time, 0);
}

void RecordDigest::console_output(Nanoseconds time, std::uint8_t byte) {
    add(Kind::kConsoleOutput, time, byte);
}

void RecordDigest::port_output(Nanoseconds time, std::uint16_t port, std::uint32_t value) {
    add(Kind::kPortOutput, time, std::uint64_t{port} << 32 | value);
}

void RecordDigest::screen_output(Nanoseconds time, std::uint64_t offset, unsigned size,
                                 std::uint64_t value) {
    add(Kind::kScreenOutput, time, offset << 8 | size);
    hasher_.update(std::as_bytes(std::span{&value, 1}));
}

void RecordDigest::interrupt_delivered(Nanoseconds time, std::uint8_t vector) {
    add(Kind::kInterrupt, time, vector);
}

}  // namespace hvlab
