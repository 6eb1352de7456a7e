// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>

#include "core/bus/interrupt_line.h"
#include "core/devices/byte_device.h"
#include "core/devices/pic_8259.h"

namespace hvlab {

// The two 8259A of a PC: the slave's INT drives input 2 of the master, whose INT is the CPU's INTR.
//
// Three port ranges, told apart by their first offset: the master at kMasterOffset, the slave at
// kSlaveOffset, the edge/level control registers at kEdgeLevelOffset; two ports each.
class PicPair final : public ByteDevice {
public:
    static constexpr std::uint64_t kMasterPort = 0x20;
    static constexpr std::uint64_t kSlavePort = 0xA0;
    static constexpr std::uint64_t kEdgeLevelPort = 0x4D0;
    static constexpr std::uint64_t kSize = 2;
    static constexpr std::uint64_t kMasterOffset = 0;
    static constexpr std::uint64_t kSlaveOffset = 2;
    static constexpr std::uint64_t kEdgeLevelOffset = 4;
    static constexpr unsigned kCascadeIrq = 2;
    static constexpr unsigned kInputs = 16;

    explicit PicPair(InterruptLine& intr);
    PicPair(const PicPair&) = delete;
    PicPair& operator=(const PicPair&) = delete;

    // The wire of IRQ 0-15. IRQ 2 is the cascade: its wire is connected to nothing.
    InterruptLine& input(unsigned irq);

    // The CPU's INTA cycle: the vector of the interrupt it takes. Spurious interrupts give IRQ 7's
    // or IRQ 15's; a slave that does not answer, 0xFF.
    std::uint8_t acknowledge();

    std::string_view name() const override { return "pic"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    std::uint8_t read_byte(std::uint64_t offset) override;
    void write_byte(std::uint64_t offset, std::uint8_t value) override;

    void update();
    std::uint8_t acknowledge_slave();

    InterruptLine& intr_;
    Pic8259 master_{1u << kCascadeIrq};
    Pic8259 slave_{0};
    std::array<InterruptLine, kInputs> inputs_;
};

}  // namespace hvlab
