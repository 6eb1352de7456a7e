// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/bus/interrupt_line.h"
#include "core/devices/ata_channel.h"
#include "core/devices/debug_console.h"
#include "core/devices/debug_exit.h"
#include "core/devices/fast_a20.h"
#include "core/devices/fw_cfg.h"
#include "core/devices/micro_ports.h"
#include "core/devices/pci_host.h"
#include "core/devices/pic.h"
#include "core/devices/pit.h"
#include "core/devices/post_port.h"
#include "core/devices/ps2_controller.h"
#include "core/devices/reset_port.h"
#include "core/devices/rom.h"
#include "core/devices/rtc.h"
#include "core/devices/system_control_port.h"
#include "core/devices/text_screen.h"
#include "core/devices/uart.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

struct Platform::Devices {
    Devices(Timeline& timeline, PlatformEvents& events)
        : intr([&events](bool level) { events.interrupt_line_changed(level); }),
          pic(intr),
          pit(timeline, pic.input(Pit::kIrq)),
          uart("uart0", timeline, pic.input(Uart::kIrq)),
          rtc(timeline, pic.input(Rtc::kIrq)),
          system_control(timeline, pit),
          ps2(pic.input(Ps2Controller::kIrq), a20),
          fast_a20(a20),
          screen(timeline) {}

    InterruptLine intr;
    InterruptLine a20;
    PicPair pic;
    Pit pit;
    Uart uart;
    Rtc rtc;
    SystemControlPort system_control;
    Ps2Controller ps2;
    FastA20 fast_a20;
    PostPort post;
    DebugConsole debug_console;
    DebugExit debug_exit;
    ResetPort reset_port;
    TextScreen screen;
    std::optional<AtaChannel> ata;
    std::optional<FwCfg> fw_cfg;
    std::optional<PciHost> pci_host;
    std::optional<Rom> rom;
    std::optional<MicroPorts> micro;
};

Platform::Platform(const Config& config, Timeline& timeline, PlatformEvents& events)
    : events_(events), owned_(std::make_unique<Devices>(timeline, events)) {
    Devices& d = *owned_;
    devices_ = {&d.pic,        &d.pit,      &d.uart, &d.rtc,           &d.system_control,
                &d.ps2,        &d.fast_a20, &d.post, &d.debug_console, &d.debug_exit,
                &d.reset_port, &d.screen};

    driven_inputs_ = {Pit::kIrq,  Ps2Controller::kIrq, PicPair::kCascadeIrq,
                      Uart::kIrq, Rtc::kIrq,           AtaChannel::kIrq};

    ports_.add(PicPair::kMasterPort, PicPair::kSize, d.pic, PicPair::kMasterOffset);
    ports_.add(PicPair::kSlavePort, PicPair::kSize, d.pic, PicPair::kSlaveOffset);
    ports_.add(PicPair::kEdgeLevelPort, PicPair::kSize, d.pic, PicPair::kEdgeLevelOffset);
    ports_.add(Pit::kPort, Pit::kSize, d.pit);
    ports_.add(Uart::kPort, Uart::kSize, d.uart);
    ports_.add(Rtc::kPort, Rtc::kSize, d.rtc);
    ports_.add(SystemControlPort::kPort, SystemControlPort::kSize, d.system_control);
    ports_.add(Ps2Controller::kDataPort, Ps2Controller::kSize, d.ps2, Ps2Controller::kDataOffset);
    ports_.add(Ps2Controller::kCommandPort, Ps2Controller::kSize, d.ps2,
               Ps2Controller::kCommandOffset);
    ports_.add(FastA20::kPort, FastA20::kSize, d.fast_a20);
    ports_.add(PostPort::kPort, PostPort::kSize, d.post);
    ports_.add(DebugConsole::kPort, DebugConsole::kSize, d.debug_console);
    ports_.add(DebugExit::kPort, DebugExit::kSize, d.debug_exit);
    ports_.add(TextScreen::kPort, TextScreen::kSize, d.screen, TextScreen::kOffset);
    ports_.add(TextScreen::kCrtcPort, TextScreen::kCrtcSize, d.screen, TextScreen::kCrtcOffset);
    ports_.add(TextScreen::kStatusPort, TextScreen::kStatusSize, d.screen,
               TextScreen::kStatusOffset);
    memory_map_.add(TextScreen::kMemory, TextScreen::kMemorySize, d.screen,
                    TextScreen::kMemoryOffset);

    add_firmware(config);
    if (config.micro) add_micro();

    d.uart.on_transmit([&events](std::uint8_t byte) { events.console_output(byte); });
    d.post.on_write([&events](std::uint8_t v) { events.port_output(PostPort::kPort, v); });
    d.debug_console.on_write(
        [&events](std::uint8_t v) { events.port_output(DebugConsole::kPort, v); });
    d.debug_exit.on_exit([&events](std::uint32_t value) { events.debug_exit(value); });
    d.screen.on_write([&events](std::uint64_t offset, unsigned size, std::uint64_t value) {
        events.screen_written(offset, size, value);
    });
    d.screen.on_layout([&events] { events.screen_layout_changed(); });
    d.ps2.on_reset([&events] { events.reset_requested("i8042"); });
    d.fast_a20.on_reset([&events] { events.reset_requested("port 0x92"); });
    d.reset_port.on_reset([&events](bool) { events.reset_requested("port 0xCF9"); });

    d.a20.connect([&events](bool) { events.a20_changed(); });

    const std::uint64_t below = std::min(config.memory_size, kPciHoleStart);
    d.rtc.set_memory_size(below, config.memory_size - below);
}

// What only machines with firmware have. In the order of construction behind all the others: a
// state is of a machine that has the same.
void Platform::add_firmware(const Config& config) {
    Devices& d = *owned_;
    if (config.firmware_files) {
        ports_.add(FwCfg::kPort, FwCfg::kSize, d.fw_cfg.emplace(*config.firmware_files));
        ports_.add(PciHost::kPort, PciHost::kSize,
                   d.pci_host.emplace(d.reset_port, config.drives[0].image != nullptr));
        devices_.push_back(&*d.fw_cfg);
        devices_.push_back(&*d.pci_host);
    } else {
        ports_.add(ResetPort::kPort, ResetPort::kSize, d.reset_port);
    }
    if (config.drives[0].image != nullptr) {
        AtaChannel& ata = d.ata.emplace(config.drives, d.pic.input(AtaChannel::kIrq));
        ports_.add(AtaChannel::kCommandPort, AtaChannel::kCommandSize, ata,
                   AtaChannel::kCommandOffset);
        ports_.add(AtaChannel::kControlPort, AtaChannel::kControlSize, ata,
                   AtaChannel::kControlOffset);
        devices_.push_back(&ata);
    }
    if (!config.rom.empty()) devices_.push_back(&d.rom.emplace());
    for (const RomRange& range : config.rom) memory_map_.add(range.address, range.size, *d.rom);
}

void Platform::add_micro() {
    MicroPorts& micro = owned_->micro.emplace();
    ports_.add(MicroPorts::kPort, MicroPorts::kSize, micro);
    devices_.push_back(&micro);
    micro.on_report([this](std::uint32_t kind) { events_.guest_report(kind); });
    micro.on_doorbell([this](std::uint32_t value) { events_.doorbell(value); });
}

void Platform::add(Device& device, std::span<const DeviceRange> ranges) {
    for (const DeviceRange& range : ranges) {
        AddressMap& map = range.space == DeviceRange::Space::kPorts ? ports_ : memory_map_;
        map.add(range.start, range.size, device, range.first_offset);
    }
    devices_.push_back(&device);
}

InterruptLine& Platform::free_input(unsigned irq) {
    if (irq >= PicPair::kInputs) {
        throw ConfigError("irq", fmt::format("{} is not 0 to 15", irq));
    }
    if (std::ranges::find(driven_inputs_, irq) != driven_inputs_.end()) {
        throw ConfigError("irq", fmt::format("IRQ {} has a device already", irq));
    }
    driven_inputs_.push_back(irq);
    return owned_->pic.input(irq);
}

Platform::~Platform() = default;

TextScreen& Platform::screen() {
    return owned_->screen;
}

std::uint8_t Platform::acknowledge_interrupt() {
    return owned_->pic.acknowledge();
}

bool Platform::a20() const {
    return owned_->a20.level();
}

void Platform::receive(std::span<const std::byte> bytes) {
    owned_->uart.receive(bytes);
}

void Platform::type(std::span<const std::byte> scan_codes) {
    owned_->ps2.type(scan_codes);
}

void Platform::reset() {
    for (Device* device : devices_) device->reset();
}

void Platform::save(StateWriter& writer) const {
    for (const Device* device : devices_) device->save(writer);
}

void Platform::load(StateReader& reader) {
    for (Device* device : devices_) device->load(reader);
    // The wires come back without telling their listeners; the vCPU's pin is no part of its state.
    events_.interrupt_line_changed(owned_->intr.level());
}

}  // namespace hvlab
