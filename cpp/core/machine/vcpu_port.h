// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/machine/machine.h"

namespace hvlab {

// The machine as its vCPU sees it: where accesses, interrupts, time and randomness come from.
//
// Nothing may be thrown through an engine's frames: an exception (a device written in Python may
// raise one) is kept, the run ends after the instruction, and Machine::run rethrows it.
class Machine::VcpuPort final : public VcpuHandler, public AddressMap::UnclaimedListener {
public:
    enum class Space : bool { kPorts, kMemory };

    explicit VcpuPort(Machine& machine) : machine_(machine) {}

    std::uint32_t port_read(std::uint16_t port, unsigned size) override;
    void port_write(std::uint16_t port, unsigned size, std::uint32_t value) override;
    std::uint64_t memory_read(GuestAddress address, unsigned size) override;
    void memory_write(GuestAddress address, unsigned size, std::uint64_t value) override;
    std::optional<std::uint8_t> acknowledge_interrupt() override;
    std::uint64_t time_stamp() override;
    std::uint64_t random() override;
    std::optional<std::uint64_t> msr_read(std::uint32_t index) override;
    bool msr_write(std::uint32_t index, std::uint64_t value) override;

    void unclaimed(std::uint64_t address, unsigned size, bool write, std::uint64_t value) override;

private:
    template <typename Access>
    auto guarded(Access&& access) -> decltype(access());
    // An access that is over. `unhandled_before`: how many nobody had answered before it.
    void note(RecentEvent::Kind kind, std::uint64_t address, unsigned size, std::uint64_t value,
              std::uint64_t unhandled_before);

    Machine& machine_;
    Space space_ = Space::kPorts;  // of the access under way
};

}  // namespace hvlab
