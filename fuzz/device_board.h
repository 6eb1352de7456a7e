// SPDX-License-Identifier: GPL-2.0-or-later
//
// The devices of the PC platform on their ports, driven by fuzzer input.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/bus/bus.h"
#include "core/bus/timeline.h"
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

// What a board is made of. kAll is all of it.
enum class Part : std::uint8_t {
    kPic,
    kPit,
    kUart,
    kRtc,
    kSystemControl,
    kPs2,
    kFastA20,
    kPost,
    kDebugConsole,
    kDebugExit,
    kPciHost,
    kAta,
    kScreen,
    kFwCfg,
    kMicro,
    kAll,
};

constexpr std::array<std::string_view, 16> kPartNames = {
    "pic",           "pit",        "uart", "rtc", "system-control", "ps2",    "fast-a20", "post",
    "debug-console", "debug-exit", "pci",  "ata", "screen",         "fw-cfg", "micro",    "all"};

// FUZZ_DEVICE=NAME: one device's ports alone, which is many times as fast. Any other name is an
// error.
inline Part part_of_the_environment() {
    const char* const wanted = std::getenv("FUZZ_DEVICE");
    if (wanted == nullptr || *wanted == 0) return Part::kAll;
    const auto* const found = std::find(kPartNames.begin(), kPartNames.end(), wanted);
    HVLAB_ASSERT(found != kPartNames.end());
    return static_cast<Part>(found - kPartNames.begin());
}

class Board {
public:
    // The interrupt controllers are there for whatever has a line to them: they are what it shows
    // on. The PIT is there for the system control port, which is its gate; the reset port is the
    // PCI host's.
    explicit Board(Part part = Part::kAll) : part_(part) {
        if (interrupts()) join(pic_.emplace(intr_));
        if (has(Part::kPic)) {
            ports_.add(PicPair::kMasterPort, PicPair::kSize, *pic_, PicPair::kMasterOffset);
            ports_.add(PicPair::kSlavePort, PicPair::kSize, *pic_, PicPair::kSlaveOffset);
            ports_.add(PicPair::kEdgeLevelPort, PicPair::kSize, *pic_, PicPair::kEdgeLevelOffset);
        }
        if (has(Part::kPit) || has(Part::kSystemControl)) {
            join(pit_.emplace(timeline_, pic_->input(Pit::kIrq)));
            ports_.add(Pit::kPort, Pit::kSize, *pit_);
        }
        if (has(Part::kUart)) {
            join(uart_.emplace("uart0", timeline_, pic_->input(Uart::kIrq)));
            ports_.add(Uart::kPort, Uart::kSize, *uart_);
        }
        if (has(Part::kRtc)) {
            join(rtc_.emplace(timeline_, pic_->input(Rtc::kIrq)));
            ports_.add(Rtc::kPort, Rtc::kSize, *rtc_);
            rtc_->set_memory_size(64 * kMiB, 0);
        }
        if (has(Part::kSystemControl)) {
            join(system_control_.emplace(timeline_, *pit_));
            ports_.add(SystemControlPort::kPort, SystemControlPort::kSize, *system_control_);
        }
        if (has(Part::kPs2)) {
            join(ps2_.emplace(pic_->input(Ps2Controller::kIrq), a20_));
            ports_.add(Ps2Controller::kDataPort, Ps2Controller::kSize, *ps2_,
                       Ps2Controller::kDataOffset);
            ports_.add(Ps2Controller::kCommandPort, Ps2Controller::kSize, *ps2_,
                       Ps2Controller::kCommandOffset);
        }
        add_simple(Part::kFastA20, fast_a20_, a20_);
        add_simple(Part::kPost, post_);
        add_simple(Part::kDebugConsole, debug_console_);
        add_simple(Part::kDebugExit, debug_exit_);
        if (has(Part::kPciHost)) join(reset_port_);  // its port is the host's
        if (has(Part::kAta)) {
            join(ata_.emplace(disks(), pic_->input(AtaChannel::kIrq)));
            ports_.add(AtaChannel::kCommandPort, AtaChannel::kCommandSize, *ata_,
                       AtaChannel::kCommandOffset);
            ports_.add(AtaChannel::kControlPort, AtaChannel::kControlSize, *ata_,
                       AtaChannel::kControlOffset);
        }
        if (has(Part::kScreen)) add_screen();
        if (has(Part::kFwCfg)) {
            join(fw_cfg_.emplace(files()));
            ports_.add(FwCfg::kPort, FwCfg::kSize, *fw_cfg_);
        }
        add_simple(Part::kMicro, micro_);
        add_simple(Part::kPciHost, pci_host_, reset_port_, true);
    }
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    // One operation; what is visible of it.
    std::uint64_t operate(Input& input) {
        const std::uint8_t kind = input.byte();
        if (kind >= kReadsFrom && kind < kReadsTo && streams()) return read_on(input);
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
                if (!pic_) return ports_.read(port(input, kind), size(kind));
                if (intr_.level() || kind % 8 == 0) return pic_->acknowledge();
                pic_->input(kUnusedIrqs[kind % kUnusedIrqs.size()]).set((kind & 0x10) != 0);
                return 0;
            default:
                return special(input, kind);
        }
    }

    std::uint64_t wires() const { return intr_.level() * 2u + a20_.level(); }

    // Into that buffer, if there is one: what is saved by the thousand needs no memory anew.
    std::vector<std::byte> save(std::vector<std::byte> buffer = {}) const {
        StateWriter writer(std::move(buffer));
        for (const Device* device : devices()) device->save(writer);
        return writer.take();
    }

    // Time is no part of a device: it is set first.
    void load(Nanoseconds now, std::span<const std::byte> state) {
        timeline_.advance_to(std::max(now, timeline_.now()));
        StateReader reader(state);
        for (Device* device : devices()) device->load(reader);
    }

    Nanoseconds now() const { return timeline_.now(); }
    std::span<Device* const> devices() const { return {devices_.data(), device_count_}; }

private:
    bool has(Part part) const { return part_ == Part::kAll || part_ == part; }
    bool interrupts() const {
        return has(Part::kPic) || has(Part::kPit) || has(Part::kUart) || has(Part::kRtc) ||
               has(Part::kSystemControl) || has(Part::kPs2) || has(Part::kAta);
    }
    void join(Device& device) { devices_[device_count_++] = &device; }

    template <typename PortDevice, typename... Arguments>
    void add_simple(Part part, std::optional<PortDevice>& device, Arguments&&... arguments) {
        if (!has(part)) return;
        join(device.emplace(std::forward<Arguments>(arguments)...));
        ports_.add(PortDevice::kPort, PortDevice::kSize, *device);
    }
    void add_screen() {
        screen_ = std::make_unique<TextScreen>(timeline_);
        join(*screen_);
        ports_.add(TextScreen::kPort, TextScreen::kSize, *screen_, TextScreen::kOffset);
        ports_.add(TextScreen::kCrtcPort, TextScreen::kCrtcSize, *screen_, TextScreen::kCrtcOffset);
        ports_.add(TextScreen::kStatusPort, TextScreen::kStatusSize, *screen_,
                   TextScreen::kStatusOffset);
        memory_map_.add(TextScreen::kMemory, TextScreen::kMemorySize, *screen_,
                        TextScreen::kMemoryOffset);
    }

    // The wires that no device of the board drives.
    static constexpr std::array<unsigned, 10> kUnusedIrqs = {3, 5, 6, 7, 9, 10, 11, 12, 13, 15};

    // As a string instruction does: the same port, as often as to take a sector out of a disk. Of
    // use where a port gives one value after another.
    bool streams() const { return has(Part::kAta) || has(Part::kScreen) || has(Part::kFwCfg); }
    static constexpr std::uint8_t kReadsFrom = 0x9C;
    static constexpr std::uint8_t kReadsTo = 0xA0;
    std::uint64_t read_on(Input& input) {
        const std::uint64_t from = port(input, 0);
        std::uint64_t all = 0;
        for (unsigned left = input.byte() + 1; left > 0; --left) {
            all = all * 31 + ports_.read(from, 2);
        }
        return all;
    }

    void write(std::uint64_t port, unsigned size, Input& input) {
        ports_.write(port, size, input.number(size));
    }

    std::uint64_t port(Input& input, std::uint8_t kind) const {
        const std::uint8_t choice = input.byte();
        // Where the devices are, and now and then anywhere.
        if ((kind & 4) != 0 && choice % 16 == 0) return input.number(2);
        const std::span<const std::uint16_t> ports = ports_of(part_);
        return ports[choice % ports.size()];
    }
    static std::span<const std::uint16_t> ports_of(Part part) {
        static constexpr std::array<std::uint16_t, 59> kAll = {
            0x20,  0x21,  0xA0,  0xA1,  0x4D0, 0x4D1, 0x40,  0x41,  0x42,  0x43,  0x60,  0x61,
            0x64,  0x70,  0x71,  0x80,  0x92,  0xE9,  0xF4,  0xCF8, 0xCF9, 0x3F8, 0x3F9, 0x3FA,
            0x3FB, 0x3FC, 0x3FD, 0x3FE, 0x3FF, 0x3F7, 0x1F,  0x1F0, 0x1F1, 0x1F2, 0x1F3, 0x1F4,
            0x1F5, 0x1F6, 0x1F7, 0x3F6, 0x3C0, 0x3C1, 0x3C2, 0x3C4, 0x3C5, 0x3C7, 0x3C8, 0x3C9,
            0x3CE, 0x3CF, 0x3D4, 0x3D5, 0x3DA, 0x510, 0x511, 0xCFC, 0xCFE, 0x520, 0x524};
        if (part == Part::kAll) return kAll;
        // Those of one part, found once: a process has one.
        static const std::vector<std::uint16_t> kSome = [part] {
            const Board board(part);
            std::vector<std::uint16_t> some;
            for (const std::uint16_t port : kAll) {
                for (const AddressMap::Range& range : board.ports_.ranges()) {
                    if (port - range.start < range.size) some.push_back(port);
                }
            }
            return some;
        }();
        return kSome;
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
    static std::vector<FwCfg::File> files() {
        return {{.name = "etc/file", .content = std::vector<std::byte>(33, std::byte{0x42})}};
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
            devices()[input.byte() % device_count_]->reset();
            return 0;
        }
        if (screen_ && kind % 8 < 3) return text_memory(input, kind);
        if (ps2_ && (kind % 8 == 3 || !uart_)) {
            for (int i = input.byte() % 4; i > 0; --i) type(input);
            return ps2_->read(Ps2Controller::kCommandOffset, 1);
        }
        if (!uart_) return 0;
        std::array<std::byte, 32> bytes;
        bytes.fill(std::byte{kind});
        // An input is too short to fill the queue.
        uart_->receive(std::span(bytes).first(kind % bytes.size()));
        return uart_->pending_input();
    }

    // Accesses to text memory, over its edges too, and what shows of it.
    std::uint64_t text_memory(Input& input, std::uint8_t kind) {
        const std::uint64_t address = TextScreen::kMemory - 8 + input.number(2) % 0x8010;
        if (kind % 8 == 1) {
            memory_map_.write(address, 1 + kind / 8 % 8, input.number(2));
            return 0;
        }
        const std::uint64_t row = address % screen_->rows();
        return memory_map_.read(address, 1 + kind / 8 % 8) +
               screen_->row_text(static_cast<unsigned>(row)).size() + screen_->cursor().row +
               screen_->palette()[address % 16];
    }

    // Too many keys are refused.
    void type(Input& input) {
        const std::array<std::byte, 2> codes = {std::byte{input.byte()}, std::byte{input.byte()}};
        try {
            ps2_->type(codes);
        } catch (const DeviceError&) {
        }
    }

    Part part_;
    Timeline timeline_;
    InterruptLine intr_;
    InterruptLine a20_;
    std::optional<PicPair> pic_;
    std::optional<Pit> pit_;
    std::optional<Uart> uart_;
    std::optional<Rtc> rtc_;
    std::optional<SystemControlPort> system_control_;
    std::optional<Ps2Controller> ps2_;
    std::optional<FastA20> fast_a20_;
    std::optional<PostPort> post_;
    std::optional<DebugConsole> debug_console_;
    std::optional<DebugExit> debug_exit_;
    ResetPort reset_port_;
    std::optional<AtaChannel> ata_;
    std::unique_ptr<TextScreen> screen_;  // the largest by far
    std::optional<FwCfg> fw_cfg_;
    std::optional<PciHost> pci_host_;
    std::optional<MicroPorts> micro_;
    AddressMap ports_;
    AddressMap memory_map_;
    std::array<Device*, 16> devices_{};  // those that are there
    std::size_t device_count_ = 0;
};

}  // namespace hvlab::fuzzing
