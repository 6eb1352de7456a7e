// SPDX-License-Identifier: GPL-2.0-or-later
//
// The machine as a backend sees it, made for tests: it writes down every access and answers by
// rule.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <ostream>
#include <vector>

#include "core/base/random.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab::conformance {

struct Access {
    enum Kind : std::uint8_t { kPortRead, kPortWrite, kMemoryRead, kMemoryWrite };

    Kind kind;
    std::uint64_t address;
    unsigned size;
    std::uint64_t value;  // what was written, or what the handler answered

    bool operator==(const Access&) const = default;
};

void PrintTo(const Access& access, std::ostream* out);

// A write here ends the run: every guest's way out (`out 0xF4, al`). Not written down.
inline constexpr std::uint16_t kStopPort = 0xF4;

// What a device answers for the byte at `address`: each byte another, and none of them 0 or FFh, so
// that an access cut into parts reads the same as one in one piece, and one displaced does not.
constexpr std::uint8_t device_byte(std::uint64_t address) {
    return static_cast<std::uint8_t>(1 + (address * 29 + (address >> 8) * 7) % 253);
}
std::uint64_t device_value(std::uint64_t address, unsigned size);

class Handler : public VcpuHandler {
public:
    Vcpu* vcpu = nullptr;
    InstructionCounter* counter = nullptr;  // null where the backend does not count

    std::vector<Access> accesses;  // ports and memory, in order
    std::vector<Access> writes() const { return of(Access::kPortWrite, Access::kMemoryWrite); }
    std::vector<Access> reads() const { return of(Access::kPortRead, Access::kMemoryRead); }

    // Called for each access before it is answered; may use the vCPU as a device may.
    std::function<void(const Access&)> on_access;
    // Overrules device_value().
    std::function<std::uint64_t(const Access&)> answer;

    // Folds every call, its arguments and the instruction count at which it came: two runs of which
    // the handler cannot tell one from the other have the same.
    std::uint64_t fingerprint = 0;
    std::uint64_t calls = 0;

    // An external interrupt waits; INTR is high until it has been acknowledged.
    void request_interrupt(std::uint8_t vector);
    std::optional<std::uint8_t> requested;
    unsigned acknowledged = 0;
    std::function<void()> on_acknowledge;  // called before it is answered

    std::function<std::uint64_t()> clock;  // time_stamp(); by default the instruction count
    unsigned clock_reads = 0;
    RandomStream random_numbers{Seed(7)};
    std::vector<std::uint64_t> drawn;

    struct MsrAccess {
        bool write;
        std::uint32_t index;
        std::uint64_t value;
        bool operator==(const MsrAccess&) const = default;
    };
    std::vector<MsrAccess> msr_accesses;
    std::optional<std::uint64_t> msr_value;  // what msr_read() answers; nothing: refused

    // Forgets what it has seen; the rules stay.
    void reset();
    // Goes on where another handler is.
    void take_over(const Handler& other);

    std::uint32_t port_read(std::uint16_t port, unsigned size) override;
    void port_write(std::uint16_t port, unsigned size, std::uint32_t value) override;
    std::uint64_t memory_read(GuestAddress address, unsigned size) override;
    void memory_write(GuestAddress address, unsigned size, std::uint64_t value) override;
    std::optional<std::uint8_t> acknowledge_interrupt() override;
    std::uint64_t time_stamp() override;
    std::uint64_t random() override;
    std::optional<std::uint64_t> msr_read(std::uint32_t index) override;
    bool msr_write(std::uint32_t index, std::uint64_t value) override;

private:
    enum class Call : std::uint8_t;
    void note(Call call, std::uint64_t where, std::uint64_t size, std::uint64_t value);
    std::vector<Access> of(Access::Kind one, Access::Kind other) const;
    std::uint64_t read(Access access);
    void write(const Access& access);
};

}  // namespace hvlab::conformance
