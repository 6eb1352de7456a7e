// SPDX-License-Identifier: GPL-2.0-or-later
//
// The devices of the PC platform on their ports, driven by fuzzer input.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/base/status.h"
#include "core/bus/bus.h"
#include "core/bus/timeline.h"
#include "core/devices/ata_channel.h"
#include "core/devices/debug_console.h"
#include "core/devices/debug_exit.h"
#include "core/devices/fast_a20.h"
#include "core/devices/fw_cfg.h"
#include "core/devices/pci_host.h"
#include "core/devices/pic.h"
#include "core/devices/pit.h"
#include "core/devices/post_port.h"
#include "core/devices/ps2_controller.h"
#include "core/devices/reset_port.h"
#include "core/devices/rtc.h"
#include "core/devices/system_control_port.h"
#include "core/devices/text_screen.h"
#include "core/devices/uart.h"

namespace hvlab::fuzzing {

// Input taken from the front; zeros when it is used up.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

    bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
        return value;
    }
    std::span<const std::uint8_t> take(std::size_t size) {
        const auto front = bytes_.first(std::min(size, bytes_.size()));
        bytes_ = bytes_.subspan(front.size());
        return front;
    }

private:
    std::span<const std::uint8_t> bytes_;
};

// Instead of ==, which the fuzzer would trace byte by byte.
inline bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

class Board {
public:
    Board() {
        ports_.add(PicPair::kMasterPort, PicPair::kSize, pic_, PicPair::kMasterOffset);
        ports_.add(PicPair::kSlavePort, PicPair::kSize, pic_, PicPair::kSlaveOffset);
        ports_.add(PicPair::kEdgeLevelPort, PicPair::kSize, pic_, PicPair::kEdgeLevelOffset);
        ports_.add(Pit::kPort, Pit::kSize, pit_);
        ports_.add(Uart::kPort, Uart::kSize, uart_);
        ports_.add(Rtc::kPort, Rtc::kSize, rtc_);
        ports_.add(SystemControlPort::kPort, SystemControlPort::kSize, system_control_);
        ports_.add(Ps2Controller::kDataPort, Ps2Controller::kSize, ps2_,
                   Ps2Controller::kDataOffset);
        ports_.add(Ps2Controller::kCommandPort, Ps2Controller::kSize, ps2_,
                   Ps2Controller::kCommandOffset);
        ports_.add(FastA20::kPort, FastA20::kSize, fast_a20_);
        ports_.add(PostPort::kPort, PostPort::kSize, post_);
        ports_.add(DebugConsole::kPort, DebugConsole::kSize, debug_console_);
        ports_.add(DebugExit::kPort, DebugExit::kSize, debug_exit_);
        ports_.add(FwCfg::kPort, FwCfg::kSize, fw_cfg_);
        ports_.add(PciHost::kPort, PciHost::kSize, pci_host_);  // and the reset port
        ports_.add(AtaChannel::kCommandPort, AtaChannel::kCommandSize, ata_,
                   AtaChannel::kCommandOffset);
        ports_.add(AtaChannel::kControlPort, AtaChannel::kControlSize, ata_,
                   AtaChannel::kControlOffset);
        ports_.add(TextScreen::kPort, TextScreen::kSize, screen_, TextScreen::kOffset);
        ports_.add(TextScreen::kCrtcPort, TextScreen::kCrtcSize, screen_, TextScreen::kCrtcOffset);
        ports_.add(TextScreen::kStatusPort, TextScreen::kStatusSize, screen_,
                   TextScreen::kStatusOffset);
        memory_map_.add(TextScreen::kMemory, TextScreen::kMemorySize, screen_,
                        TextScreen::kMemoryOffset);
        rtc_.set_memory_size(64 * kMiB, 0);
    }

    // One operation; what is visible of it.
    std::uint64_t operate(Input& input) {
        const std::uint8_t kind = input.byte();
        switch (kind >> 5) {
            case 0:
            case 1:
            case 2:
                write(port(input, kind), size(kind), input);
                return 0;
            case 3:
            case 4:
                return ports_.read(port(input, kind), size(kind));
            case 5:
                pass(static_cast<Nanoseconds>(input.number(1 + kind % 6)));
                return timeline_.next_deadline().has_value();
            case 6:
                if (intr_.level() || kind % 8 == 0) return pic_.acknowledge();
                pic_.input(kUnusedIrqs[kind % kUnusedIrqs.size()]).set((kind & 0x10) != 0);
                return 0;
            default:
                return special(input, kind);
        }
    }

    std::uint64_t wires() const { return intr_.level() * 2u + a20_.level(); }

    std::vector<std::byte> save() const {
        StateWriter writer;
        for (const Device* device : devices()) device->save(writer);
        return writer.take();
    }

    // Time is no part of a device: it is set first.
    void load(Nanoseconds now, std::span<const std::byte> state) {
        timeline_.advance_to(std::max(now, timeline_.now()));
        StateReader reader(state);
        for (Device* device : devices_) device->load(reader);
    }

    Nanoseconds now() const { return timeline_.now(); }
    std::array<Device*, 15> devices() const { return devices_; }

private:
    // The wires that no device of the board drives.
    static constexpr std::array<unsigned, 10> kUnusedIrqs = {3, 5, 6, 7, 9, 10, 11, 12, 13, 15};

    void write(std::uint64_t port, unsigned size, Input& input) {
        ports_.write(port, size, input.number(size));
    }

    static std::uint64_t port(Input& input, std::uint8_t kind) {
        // Where the devices are, and now and then anywhere.
        constexpr std::array<std::uint16_t, 57> kPorts = {
            0x20,  0x21,  0xA0,  0xA1,  0x4D0, 0x4D1, 0x40,  0x41,  0x42,  0x43,  0x60,  0x61,
            0x64,  0x70,  0x71,  0x80,  0x92,  0xE9,  0xF4,  0xCF8, 0xCF9, 0x3F8, 0x3F9, 0x3FA,
            0x3FB, 0x3FC, 0x3FD, 0x3FE, 0x3FF, 0x3F7, 0x1F,  0x1F0, 0x1F1, 0x1F2, 0x1F3, 0x1F4,
            0x1F5, 0x1F6, 0x1F7, 0x3F6, 0x3C0, 0x3C1, 0x3C2, 0x3C4, 0x3C5, 0x3C7, 0x3C8, 0x3C9,
            0x3CE, 0x3CF, 0x3D4, 0x3D5, 0x3DA, 0x510, 0x511, 0xCFC, 0xCFE};
        const std::uint8_t choice = input.byte();
        if ((kind & 4) != 0 && choice % 16 == 0) return input.number(2);
        return kPorts[choice % kPorts.size()];
    }
    // A small disk of all kinds of bytes, and a smaller one. Made once: boards are made by the
    // dozen.
    static AtaChannel::Drives disks() {
        static const auto kDisk = [] {
            std::vector<std::byte> bytes(40 * kSectorSize);
            for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
            return std::make_shared<const DiskImage>(bytes);
        }();
        static const auto kFloppy =
            std::make_shared<const DiskImage>(std::vector<std::byte>(8 * kSectorSize));
        return {{{.image = kDisk, .cylinders = 2, .heads = 4, .sectors = 5},
                 {.image = kFloppy, .cylinders = 2, .heads = 2, .sectors = 2, .removable = true}}};
    }
    static unsigned size(std::uint8_t kind) { return (kind & 3) == 3 ? 1u << (kind >> 3 & 3) : 1; }

    // From deadline to deadline, but not for ever: what is left over is late, as it may be.
    void pass(Nanoseconds duration) {
        constexpr Nanoseconds kLongest = std::int64_t{1} << 56;
        const Nanoseconds end =
            timeline_.now() + std::min(duration, kLongest - timeline_.now() % kLongest);
        for (int i = 0; i < 50 && timeline_.next_deadline().value_or(end) < end; ++i) {
            timeline_.advance_to(std::max(*timeline_.next_deadline(), timeline_.now()));
            timeline_.fire_due();
        }
        timeline_.advance_to(end);
        timeline_.fire_due();
    }

    std::uint64_t special(Input& input, std::uint8_t kind) {
        if (kind % 8 == 0) {
            devices_[input.byte() % devices_.size()]->reset();
            return 0;
        }
        if (kind % 8 < 3) return text_memory(input, kind);
        const std::vector<std::byte> bytes(kind % 32, std::byte{kind});
        if (kind % 8 == 1) {
            for (int i = input.byte() % 4; i > 0; --i) type(input);
            return ps2_.read(Ps2Controller::kCommandOffset, 1);
        }
        uart_.receive(bytes);  // an input is too short to fill the queue
        return uart_.pending_input();
    }

    // Accesses to text memory, over its edges too, and what shows of it.
    std::uint64_t text_memory(Input& input, std::uint8_t kind) {
        const std::uint64_t address = TextScreen::kMemory - 8 + input.number(2) % 0x8010;
        if (kind % 8 == 1) {
            memory_map_.write(address, 1 + kind / 8 % 8, input.number(2));
            return 0;
        }
        const std::uint64_t row = address % screen_.rows();
        return memory_map_.read(address, 1 + kind / 8 % 8) +
               screen_.row_text(static_cast<unsigned>(row)).size() + screen_.cursor().row +
               screen_.palette()[address % 16];
    }

    // Too many keys are refused.
    void type(Input& input) {
        const std::array<std::byte, 2> codes = {std::byte{input.byte()}, std::byte{input.byte()}};
        try {
            ps2_.type(codes);
        } catch (const DeviceError&) {
        }
    }

    Timeline timeline_;
    InterruptLine intr_;
    InterruptLine a20_;
    PicPair pic_{intr_};
    Pit pit_{timeline_, pic_.input(Pit::kIrq)};
    Uart uart_{"uart0", timeline_, pic_.input(Uart::kIrq)};
    Rtc rtc_{timeline_, pic_.input(Rtc::kIrq)};
    SystemControlPort system_control_{timeline_, pit_};
    Ps2Controller ps2_{pic_.input(Ps2Controller::kIrq), a20_};
    FastA20 fast_a20_{a20_};
    PostPort post_;
    DebugConsole debug_console_;
    DebugExit debug_exit_;
    ResetPort reset_port_;
    AtaChannel ata_{disks(), pic_.input(AtaChannel::kIrq)};
    TextScreen screen_{timeline_};
    FwCfg fw_cfg_{{{.name = "etc/file", .content = std::vector<std::byte>(33, std::byte{0x42})}}};
    PciHost pci_host_{reset_port_, true};
    AddressMap ports_;
    AddressMap memory_map_;
    std::array<Device*, 15> devices_ = {
        &pic_,        &pit_,      &uart_,   &rtc_,           &system_control_,
        &ps2_,        &fast_a20_, &post_,   &debug_console_, &debug_exit_,
        &reset_port_, &ata_,      &screen_, &fw_cfg_,        &pci_host_};
};

}  // namespace hvlab::fuzzing
