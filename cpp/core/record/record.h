// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "core/base/hash.h"
#include "core/machine/observer.h"

namespace hvlab {

// The digest of a machine's record: everything non-deterministic that went in and everything
// observable that came out, each with its guest time, in order. Two runs with the same digest did
// the same, to the instruction; how a run was cut into slices leaves no trace in it.
class RecordDigest final : public MachineObserver {
public:
    void console_input(Nanoseconds time, std::span<const std::byte> bytes) override;
    void keyboard_input(Nanoseconds time, std::span<const std::byte> scan_codes) override;
    void nmi_raised(Nanoseconds time) override;
    void machine_reset(Nanoseconds time) override;
    void console_output(Nanoseconds time, std::uint8_t byte) override;
    void port_output(Nanoseconds time, std::uint16_t port, std::uint32_t value) override;
    void screen_output(Nanoseconds time, std::uint64_t offset, unsigned size,
                       std::uint64_t value) override;
    void interrupt_delivered(Nanoseconds time, std::uint8_t vector) override;

    std::uint64_t entries() const { return entries_; }
    std::string hex() const { return hasher_.digest_hex(); }

private:
    enum class Kind : std::uint8_t {
        kConsoleInput = 1,
        kConsoleOutput,
        kPortOutput,
        kInterrupt,
        kScreenOutput,
        kKeyboardInput,
        kNmi,
        kReset,
    };

    void add(Kind kind, Nanoseconds time, std::uint64_t value);

    RecordHasher hasher_;
    std::uint64_t entries_ = 0;
};

}  // namespace hvlab
