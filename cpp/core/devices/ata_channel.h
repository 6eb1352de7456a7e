// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/block/disk_image.h"
#include "core/bus/device.h"
#include "core/bus/interrupt_line.h"

namespace hvlab {

// A disk of an ATA channel: an image and the geometry that it tells of itself.
struct AtaDrive {
    std::shared_ptr<const DiskImage> image;  // null: nothing is connected
    std::uint16_t cylinders = 0;
    std::uint8_t heads = 0;    // 1-16
    std::uint8_t sectors = 0;  // a track, 1-63
    bool removable = false;    // how hvlab's firmware tells a floppy from a disk
};

// The primary channel of an ATA host adapter with up to two disks (ATA/ATAPI-6, T13 1410D), at
// 0x1F0-0x1F7 and 0x3F6; IRQ 14. PIO only, and read-only: what writes is refused as write-protected
// (WP and ABRT). 28 and 48-bit addresses, and cylinder, head and sector. Everything takes no guest
// time: BSY is seen during a software reset only.
//
// Two port ranges, told apart by their first offset: kCommandOffset and kControlOffset.
class AtaChannel final : public Device {
public:
    static constexpr std::uint64_t kCommandPort = 0x1F0;
    static constexpr std::uint64_t kCommandSize = 8;
    static constexpr std::uint64_t kCommandOffset = 0;
    static constexpr std::uint64_t kControlPort = 0x3F6;
    static constexpr std::uint64_t kControlSize = 1;
    static constexpr std::uint64_t kControlOffset = 8;
    static constexpr unsigned kIrq = 14;
    static constexpr std::uint64_t kMaxSectors = std::uint64_t{1} << 48;

    using Drives = std::array<AtaDrive, 2>;  // device 0, device 1

    AtaChannel(Drives drives, InterruptLine& irq14);

    std::string_view name() const override { return "ata0"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

private:
    // Registers that hold two values, the present and the one written before it (s. 6.20, "48-bit
    // Address feature set").
    struct Pair {
        std::uint8_t now = 0;
        std::uint8_t before = 0;

        void push(std::uint8_t value) {
            before = now;
            now = value;
        }
        std::uint16_t both() const { return static_cast<std::uint16_t>(before << 8 | now); }
    };

    // How a drive translates cylinders, heads and sectors (INITIALIZE DEVICE PARAMETERS).
    struct Translation {
        std::uint8_t heads = 1;
        std::uint8_t sectors = 1;
    };

    struct State {
        Pair count, low, middle, high;
        std::uint8_t features = 0;
        std::uint8_t device = 0;
        std::uint8_t control = 0;
        std::uint8_t status = 0;
        std::uint8_t error = 0;
        bool interrupt = false;  // pending, whether or not nIEN lets it out
        std::array<Translation, 2> translation;
        // The read in progress: what is in the buffer from `position` on, then `left` sectors from
        // `next` on. Nothing is in progress when position is kSectorSize.
        std::uint16_t position = kSectorSize;
        std::uint32_t left = 0;
        std::uint64_t next = 0;
        bool wide = false;  // a 48-bit command
        Sector buffer{};
    };

    std::uint8_t read_register(std::uint64_t offset);
    void write_register(std::uint64_t offset, std::uint8_t value);
    std::uint8_t read_data();
    void write_control(std::uint8_t value);
    std::uint8_t selected() const { return state_.device >> 4 & 1; }
    const AtaDrive& drive() const { return drives_[selected()]; }

    void command(std::uint8_t code);
    void execute(std::uint8_t code);
    void begin_read(bool wide);
    void verify(bool wide);
    void identify();
    void initialize_parameters();
    void set_features();
    void next_sector();
    void finish();
    void fail(std::uint8_t error);
    void signature();
    void set_interrupt(bool pending);

    // The sector that the registers name; nothing if there is none. Guest-controlled.
    std::optional<std::uint64_t> address(bool wide) const;
    void set_address(std::uint64_t sector, bool wide);
    std::uint32_t sector_count(bool wide) const;

    Drives drives_;
    InterruptLine& irq14_;
    State state_;
};

}  // namespace hvlab
