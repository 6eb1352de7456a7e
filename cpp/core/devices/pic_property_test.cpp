// SPDX-License-Identifier: GPL-2.0-or-later
//
// The pair of 8259A against a model of the data sheet, and its states.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/devices/device_test_support.h"
#include "core/devices/pic.h"

namespace hvlab {
namespace {

// One 8259A by the letter of the data sheet: lists instead of bits.
struct ReferenceChip {
    struct Input {
        bool wire = false;
        bool edge = false;
        bool in_service = false;
        bool masked = false;
        bool by_level = false;
    };
    bool is_master = false;
    Input inputs[8];
    std::vector<int> order = {0, 1, 2, 3, 4, 5, 6, 7};  // highest priority first
    int step = -1;                                      // -1 power-on, 2-4 the next ICW, 0 ready
    int icw1 = 0, icw2 = 0, icw3 = 0, icw4 = 0;
    bool rotate_auto = false, special_mask = false, isr_selected = false, poll = false;

    bool by_level(int i) const { return inputs[i].by_level || (icw1 & 8) != 0; }
    bool requested(int i) const { return by_level(i) ? inputs[i].wire : inputs[i].edge; }
    void wire(int i, bool level) {
        if (level && !inputs[i].wire && !by_level(i)) inputs[i].edge = true;
        if (!level && is_master && i == 2) inputs[i].edge = false;
        inputs[i].wire = level;
    }
    void lowest(int i) {
        while (order.back() != i) std::rotate(order.begin(), order.begin() + 1, order.end());
    }
    std::optional<int> pending() const {
        if (step != 0) return std::nullopt;
        for (const int i : order) {
            const bool nested_slave =
                is_master && i == 2 && (icw4 & 0x10) != 0 && (icw3 & 4) != 0 && (icw1 & 2) == 0;
            const bool lets_pass = nested_slave || (special_mask && inputs[i].masked);
            if (inputs[i].in_service && !lets_pass) return std::nullopt;
            if (requested(i) && !inputs[i].masked) return i;
        }
        return std::nullopt;
    }
    std::optional<int> acknowledge() {
        const std::optional<int> i = pending();
        if (!i) return i;
        inputs[*i].edge = false;
        if ((icw4 & 2) == 0) {
            inputs[*i].in_service = true;
        } else if (rotate_auto) {
            lowest(*i);
        }
        return i;
    }
    std::uint8_t bits(bool (*of)(const ReferenceChip&, int)) const {
        int value = 0;
        for (int i = 0; i < 8; ++i) value |= of(*this, i) ? 1 << i : 0;
        return static_cast<std::uint8_t>(value);
    }
    std::uint8_t read(bool a0) {
        if (poll) {
            poll = false;
            const std::optional<int> i = acknowledge();
            return static_cast<std::uint8_t>(i ? 0x80 + *i : 0);
        }
        if (a0) return bits([](const ReferenceChip& c, int i) { return c.inputs[i].masked; });
        if (isr_selected) {
            return bits([](const ReferenceChip& c, int i) { return c.inputs[i].in_service; });
        }
        return bits([](const ReferenceChip& c, int i) { return c.requested(i); });
    }
    void end(std::optional<int> i, bool rotate) {
        if (!i) return;
        inputs[*i].in_service = false;
        if (rotate) lowest(*i);
    }
    void write(bool a0, int value) {
        if (a0 && step <= 0) {
            for (int i = 0; i < 8; ++i) inputs[i].masked = (value >> i & 1) != 0;
        } else if (a0) {
            const int after = (icw1 & 1) != 0 ? 4 : 0;
            if (step == 2) {
                icw2 = value & 0xF8;
                step = (icw1 & 2) != 0 ? after : 3;
            } else if (step == 3) {
                icw3 = value;
                step = after;
            } else {
                icw4 = value;
                step = 0;
            }
        } else if ((value & 0x10) != 0) {
            for (Input& input : inputs) input.edge = input.masked = input.in_service = false;
            order = {0, 1, 2, 3, 4, 5, 6, 7};
            rotate_auto = special_mask = isr_selected = poll = false;
            icw1 = value;
            icw3 = is_master ? 0 : 7;
            icw4 = 0;
            step = 2;
        } else if ((value & 8) != 0) {
            if ((value & 0x40) != 0) special_mask = (value & 0x20) != 0;
            if ((value & 4) != 0) {
                poll = true;
            } else if ((value & 2) != 0) {
                isr_selected = (value & 1) != 0;
            }
        } else {
            ocw2(value);
        }
    }
    void ocw2(int value) {
        const bool rotate = (value & 0x80) != 0;
        const bool specific = (value & 0x40) != 0;
        const bool eoi = (value & 0x20) != 0;
        if (eoi && specific) {
            end(value & 7, rotate);
        } else if (eoi) {
            std::optional<int> found;
            for (const int i : order) {
                const bool ends = inputs[i].in_service && !(special_mask && inputs[i].masked);
                if (ends && !found) found = i;
            }
            end(found, rotate);
        } else if (!specific) {
            rotate_auto = rotate;
        } else if (rotate) {
            lowest(value & 7);
        }
    }
    void edge_level(int value) {
        for (int i = 0; i < 8; ++i) {
            const bool before = by_level(i);
            inputs[i].by_level = (value >> i & 1) != 0;
            if (by_level(i) != before) inputs[i].edge = false;
        }
    }
};

struct ReferencePair {
    ReferenceChip master, slave;

    ReferencePair() { master.is_master = true; }
    bool intr() const { return master.pending().has_value(); }
    void settle() { master.wire(2, slave.pending().has_value()); }
    std::uint8_t acknowledge() {
        const std::optional<int> i = master.acknowledge();
        int vector = master.icw2 + i.value_or(7);
        if (i && (master.icw1 & 2) == 0 && (master.icw3 >> *i & 1) != 0) {
            vector = 0xFF;
            if (*i == 2 && (slave.icw1 & 2) == 0 && (slave.icw3 & 7) == 2) {
                vector = slave.icw2 + slave.acknowledge().value_or(7);
                master.wire(2, false);
            }
        }
        settle();
        return static_cast<std::uint8_t>(vector);
    }
};

TEST(PicProperty, RandomOperationsAgreeWithTheDataSheet) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        RandomStream random{Seed{seed}};
        InterruptLine intr;
        PicPair pic(intr);
        ReferencePair reference;
        const auto write = [&](std::uint64_t offset, std::uint8_t value) {
            pic.write(offset, 1, value);
            ReferenceChip& chip =
                offset % 4 < 2 && offset != 5 ? reference.master : reference.slave;
            if (offset < 4) {
                chip.write((offset & 1) != 0, value);
            } else {
                chip.edge_level(value & (offset == 4 ? 0xF8 : 0xDE));
            }
            reference.settle();
        };
        // Complete initialisations, mostly as a PC has them: garbage would leave the chips idle.
        const auto initialise = [&](std::uint64_t command, bool slave) {
            const bool usual = random.below(3) != 0;
            const auto icw1 = static_cast<std::uint8_t>(usual ? 0x11 : 0x10 | random.below(16));
            write(command, icw1);
            write(command + 1, static_cast<std::uint8_t>(random.next()));
            if ((icw1 & 2) == 0) write(command + 1, slave ? 2 : 4);
            if ((icw1 & 1) != 0) {
                write(command + 1,
                      static_cast<std::uint8_t>(random.below(32) & (usual ? 0x11 : 0x1F)));
            }
        };
        initialise(0, false);
        initialise(2, true);
        for (int i = 0; i < 4000; ++i) {
            const std::string where =
                "seed " + std::to_string(seed) + " operation " + std::to_string(i);
            switch (random.below(20)) {
                case 0: {
                    if (random.below(10) != 0) break;
                    const bool slave = random.below(2) == 0;
                    initialise(slave ? 2 : 0, slave);
                    break;
                }
                case 1:
                    if (random.below(20) == 0)
                        write(random.below(6), static_cast<std::uint8_t>(random.next()));
                    break;
                case 2:
                case 3:  // OCW1
                    write(random.below(2) * 2 + 1,
                          static_cast<std::uint8_t>(random.next() & random.next()));
                    break;
                case 4:  // OCW3
                    write(random.below(2) * 2,
                          static_cast<std::uint8_t>(8 | (random.next() & 0x67)));
                    break;
                case 5:
                    write(4 + random.below(2),
                          static_cast<std::uint8_t>(random.next() & random.next()));
                    break;
                case 6:
                case 7:
                case 8:  // OCW2, mostly EOI
                    write(random.below(2) * 2,
                          static_cast<std::uint8_t>(
                              (random.below(3) == 0 ? random.next() & 0xE0 : 0x20) |
                              random.below(8)));
                    break;
                case 9:
                case 10:
                case 11: {
                    const std::uint64_t offset = random.below(4);
                    ReferenceChip& chip = offset < 2 ? reference.master : reference.slave;
                    const bool polled = chip.poll;
                    const std::uint8_t expected = chip.read((offset & 1) != 0);
                    if (polled && offset >= 2) reference.master.wire(2, false);
                    reference.settle();
                    ASSERT_EQ(pic.read(offset, 1), expected) << where;
                    break;
                }
                case 12:
                case 13:
                    if (intr.level() || random.below(10) == 0) {
                        ASSERT_EQ(pic.acknowledge(), reference.acknowledge()) << where;
                    }
                    break;
                default: {
                    const auto irq = static_cast<unsigned>(random.below(16));
                    const bool level = random.below(2) == 0;
                    pic.input(irq).set(level);
                    if (irq != 2) {
                        (irq < 8 ? reference.master : reference.slave)
                            .wire(static_cast<int>(irq % 8), level);
                    }
                    reference.settle();
                    break;
                }
            }
            ASSERT_EQ(intr.level(), reference.intr()) << where;
        }
    }
}

class PicRig : public testing_support::Rig {
public:
    Device& device() override { return pic_; }
    std::uint64_t offsets() const override { return 8; }
    std::uint64_t special(RandomStream& random) override {
        if (intr_.level()) return pic_.acknowledge();
        pic_.input(static_cast<unsigned>(random.below(16))).set(random.below(2) == 0);
        return 0;
    }
    std::uint64_t visible() const override { return intr_.level(); }

private:
    InterruptLine intr_;
    PicPair pic_{intr_};
};

TEST(PicProperty, LoadingIsGoingOn) {
    testing_support::expect_loading_is_going_on([] { return std::make_unique<PicRig>(); }, 30,
                                                3000);
}

}  // namespace
}  // namespace hvlab
