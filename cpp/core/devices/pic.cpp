// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/pic.h"

#include <optional>

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

// IRQ 0, 1, 2, 8 and 13 are always edge-triggered (PIIX4 s. 4.2.5).
constexpr std::uint8_t kMasterEdgeLevelBits = 0xF8;
constexpr std::uint8_t kSlaveEdgeLevelBits = 0xDE;

constexpr std::uint8_t kFloatingBus = 0xFF;
constexpr unsigned kSpurious = 7;

}  // namespace

PicPair::PicPair(InterruptLine& intr) : intr_(intr) {
    for (unsigned irq = 0; irq < kInputs; ++irq) {
        if (irq == kCascadeIrq) continue;
        // Two words are captured: std::function has room for them and allocates nothing.
        inputs_[irq].connect([this, irq](bool level) {
            (irq < 8 ? master_ : slave_).set_input(irq % 8, level);
            update();
        });
    }
}

InterruptLine& PicPair::input(unsigned irq) {
    HVLAB_ASSERT(irq < kInputs);
    return inputs_[irq];
}

void PicPair::update() {
    master_.set_input(kCascadeIrq, slave_.interrupt());
    intr_.set(master_.interrupt());
}

std::uint8_t PicPair::acknowledge() {
    const std::optional<unsigned> input = master_.acknowledge();
    std::uint8_t vector = 0;
    if (!input) {
        vector = master_.vector(kSpurious);
    } else if (!master_.has_slave(*input)) {
        vector = master_.vector(*input);
    } else if (*input == kCascadeIrq && slave_.answers_to(*input)) {
        vector = acknowledge_slave();
    } else {
        vector = kFloatingBus;
    }
    update();
    return vector;
}

std::uint8_t PicPair::acknowledge_slave() {
    const std::optional<unsigned> input = slave_.acknowledge();
    // INTA takes INT down; if the slave has more, it rises again, and the master sees an edge.
    master_.set_input(kCascadeIrq, false);
    return slave_.vector(input.value_or(kSpurious));
}

std::uint8_t PicPair::read_byte(std::uint64_t offset) {
    const bool a0 = (offset & 1) != 0;
    std::uint8_t value = 0xFF;
    switch (offset & ~std::uint64_t{1}) {
        case kMasterOffset:
            value = master_.read(a0);
            break;
        case kSlaveOffset: {
            const bool polled = slave_.polling();
            value = slave_.read(a0);
            if (polled) master_.set_input(kCascadeIrq, false);
            break;
        }
        case kEdgeLevelOffset:
            return (a0 ? slave_ : master_).read_edge_level();
        default:
            return value;
    }
    update();  // a poll is an acknowledge
    return value;
}

void PicPair::write_byte(std::uint64_t offset, std::uint8_t value) {
    const bool a0 = (offset & 1) != 0;
    switch (offset & ~std::uint64_t{1}) {
        case kMasterOffset:
            master_.write(a0, value);
            break;
        case kSlaveOffset:
            slave_.write(a0, value);
            break;
        case kEdgeLevelOffset:
            if (a0) {
                slave_.write_edge_level(value & kSlaveEdgeLevelBits);
            } else {
                master_.write_edge_level(value & kMasterEdgeLevelBits);
            }
            break;
        default:
            return;
    }
    update();
}

void PicPair::reset() {
    master_.reset();
    slave_.reset();
    update();
}

void PicPair::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    master_.save(writer);
    slave_.save(writer);
}

void PicPair::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    Pic8259 master = master_;
    Pic8259 slave = slave_;
    master.load(reader);
    slave.load(reader);
    master_ = master;
    slave_ = slave;
    const unsigned wires = master_.wires() | static_cast<unsigned>(slave_.wires()) << 8;
    for (unsigned irq = 0; irq < kInputs; ++irq) {
        if (irq != kCascadeIrq) inputs_[irq].restore((wires >> irq & 1) != 0);
    }
    intr_.restore(master_.interrupt());
}

}  // namespace hvlab
