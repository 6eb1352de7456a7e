// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/state_io.h"
#include "core/bus/bus.h"
#include "core/bus/timeline.h"
#include "core/devices/ata_channel.h"
#include "core/devices/fw_cfg.h"
#include "core/machine/external_device.h"

namespace hvlab {

class InterruptLine;
class TextScreen;

// What the platform's devices tell the machine, from within an access or a timer.
class PlatformEvents {
public:
    virtual ~PlatformEvents() = default;

    virtual void console_output(std::uint8_t byte) = 0;
    virtual void port_output(std::uint16_t port, std::uint32_t value) = 0;  // 0x80, 0xE9
    virtual void screen_written(std::uint64_t offset, unsigned size, std::uint64_t value) = 0;
    virtual void screen_layout_changed() = 0;
    virtual void debug_exit(std::uint32_t value) = 0;
    // Of a micro-guest: what its shim reports, and its doorbell.
    virtual void guest_report(std::uint32_t kind) = 0;
    virtual void doorbell(std::uint32_t value) = 0;
    virtual void reset_requested(const char* source) = 0;
    virtual void interrupt_line_changed(bool level) = 0;
    virtual void a20_changed() = 0;
};

// The PC platform: its devices, their ports and their interrupt wiring.
//
//   IRQ 0  8254 counter 0     0x40-0x43      IRQ 4  16550 UART   0x3F8-0x3FF
//   IRQ 1  i8042              0x60, 0x64     IRQ 8  CMOS/RTC     0x70-0x71
//   IRQ 14 ATA (with a disk)  0x1F0-0x1F7, 0x3F6
//   8259 pair 0x20, 0xA0, ELCR 0x4D0 · 0x61 · 0x80 · 0x92 · 0xE9 debug console · 0xF4 debug-exit ·
//   0xCF9 reset · micro-guests' 0x520 · text screen 0x3C0-0x3CF, 0x3D4-0x3D5, 0x3DA and
//   B8000h-BFFFFh
class Platform {
public:
    struct RomRange {
        GuestAddress address = 0;
        std::uint64_t size = 0;
    };
    struct Config {
        std::uint64_t memory_size = 0;   // bytes, told to the guest by CMOS
        AtaChannel::Drives drives = {};  // none: there is no ATA channel
        // What fw_cfg holds; nothing: there is neither fw_cfg nor PCI.
        std::optional<std::vector<FwCfg::File>> firmware_files = {};
        std::vector<RomRange> rom = {};  // where read-only memory is mapped
        bool micro = false;              // the ports of micro-guests
    };

    Platform(const Config& config, Timeline& timeline, PlatformEvents& events);
    ~Platform();
    Platform(const Platform&) = delete;
    Platform& operator=(const Platform&) = delete;

    AddressMap& ports() { return ports_; }
    AddressMap& memory_map() { return memory_map_; }

    TextScreen& screen();

    // INTA: the vector of the interrupt that the controllers deliver now.
    std::uint8_t acknowledge_interrupt();

    // The A20 gate: open lets address line 20 through.
    bool a20() const;

    // Bytes for the guest's serial console. Throws DeviceError when too many wait to be read.
    void receive(std::span<const std::byte> bytes);

    // Keys for the keyboard, as scan codes of set 2. Throws DeviceError when too many wait.
    void type(std::span<const std::byte> scan_codes);

    // One more device, made by the machine, which outlives the platform's use. Throws ConfigError
    // for ranges that overlap others.
    void add(Device& device, std::span<const DeviceRange> ranges);
    // An interrupt input that nothing drives yet. Throws ConfigError for one that something does.
    InterruptLine& free_input(unsigned irq);

    // Every device to its power-on state.
    void reset();
    void save(StateWriter& writer) const;
    void load(StateReader& reader);

    // Every device, in a fixed order.
    std::span<Device* const> devices() const { return devices_; }

private:
    struct Devices;

    void add_firmware(const Config& config);
    void add_micro();

    PlatformEvents& events_;
    std::unique_ptr<Devices> owned_;
    std::vector<Device*> devices_;
    std::vector<unsigned> driven_inputs_;
    AddressMap ports_;
    AddressMap memory_map_;
};

}  // namespace hvlab
