// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/ata_channel.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"
#include "core/devices/ata_identify.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

// Offsets in the command block (s. 7).
enum Register : std::uint64_t {
    kData,
    kError,  // features when written
    kCount,
    kLow,
    kMiddle,
    kHigh,
    kDevice,
    kStatus,  // command when written
    kAlternateStatus = AtaChannel::kControlOffset,
};

constexpr std::uint8_t kBusy = 0x80;
constexpr std::uint8_t kReady = 0x50;  // DRDY, and the seek is over
constexpr std::uint8_t kDataRequest = 0x08;
constexpr std::uint8_t kFailed = 0x01;

constexpr std::uint8_t kAborted = 0x04;
constexpr std::uint8_t kNoSuchSector = 0x10;
constexpr std::uint8_t kWriteProtected = 0x40;

constexpr std::uint8_t kInterruptsOff = 0x02;  // nIEN
constexpr std::uint8_t kSoftwareReset = 0x04;  // SRST
constexpr std::uint8_t kHighOrderByte = 0x80;  // HOB

constexpr std::uint8_t kLba = 0x40;  // in the device register
constexpr std::uint32_t kMost = 65536;

}  // namespace

AtaChannel::AtaChannel(Drives drives, InterruptLine& irq14)
    : drives_(std::move(drives)), irq14_(irq14) {
    reset();
}

void AtaChannel::reset() {
    state_ = State{};
    for (std::size_t i = 0; i < drives_.size(); ++i) {
        const AtaDrive& drive = drives_[i];
        if (drive.image == nullptr) continue;
        HVLAB_ASSERT(drive.heads >= 1 && drive.heads <= 16 && drive.sectors >= 1);
        HVLAB_ASSERT(drive.image->sectors() <= kMaxSectors);
        state_.translation[i] = {.heads = drive.heads, .sectors = drive.sectors};
    }
    signature();
    irq14_.lower();
}

// What a drive leaves in the registers after a reset or a diagnostic (s. 9.12).
void AtaChannel::signature() {
    state_.count = state_.low = {.now = 1, .before = 0};
    state_.middle = state_.high = {};
    state_.device = 0;
    state_.error = 1;  // the drives are well
    state_.status = kReady;
    state_.position = kSectorSize;
    state_.left = 0;
}

std::uint64_t AtaChannel::read(std::uint64_t offset, unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        // The data port is as wide as the access.
        const std::uint8_t byte = offset == kData ? read_data() : read_register(offset + i);
        value |= std::uint64_t{byte} << (8 * i);
    }
    return value;
}

void AtaChannel::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (offset == kData) return;  // no command takes data
    for (unsigned i = 0; i < size; ++i) {
        write_register(offset + i, static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

std::uint8_t AtaChannel::read_data() {
    if (state_.position >= kSectorSize) return 0xFF;
    const auto byte = std::to_integer<std::uint8_t>(state_.buffer[state_.position++]);
    if (state_.position == kSectorSize) next_sector();
    return byte;
}

std::uint8_t AtaChannel::read_register(std::uint64_t offset) {
    const bool before = (state_.control & kHighOrderByte) != 0;
    const auto either = [&](const Pair& pair) { return before ? pair.before : pair.now; };
    switch (offset) {
        case kError:
            return state_.error;
        case kCount:
            return either(state_.count);
        case kLow:
            return either(state_.low);
        case kMiddle:
            return either(state_.middle);
        case kHigh:
            return either(state_.high);
        case kDevice:
            return state_.device | 0xA0;
        case kStatus:
            set_interrupt(false);
            [[fallthrough]];
        case kAlternateStatus:
            // A drive that is not there does not answer; the other one says 0 for it.
            return drive().image == nullptr ? std::uint8_t{0} : state_.status;
        default:
            return 0xFF;
    }
}

void AtaChannel::write_register(std::uint64_t offset, std::uint8_t value) {
    if (offset == kAlternateStatus) return write_control(value);
    if ((state_.status & kBusy) != 0) return;
    state_.control &= static_cast<std::uint8_t>(~kHighOrderByte);
    switch (offset) {
        case kError:
            state_.features = value;
            break;
        case kCount:
            state_.count.push(value);
            break;
        case kLow:
            state_.low.push(value);
            break;
        case kMiddle:
            state_.middle.push(value);
            break;
        case kHigh:
            state_.high.push(value);
            break;
        case kDevice:
            state_.device = value;
            break;
        case kStatus:
            command(value);
            break;
        default:
            break;
    }
}

void AtaChannel::write_control(std::uint8_t value) {
    const std::uint8_t changed = state_.control ^ value;
    state_.control = value & (kInterruptsOff | kSoftwareReset | kHighOrderByte);
    if ((changed & kSoftwareReset) != 0) {
        set_interrupt(false);
        signature();
        if ((value & kSoftwareReset) != 0) state_.status = kBusy;
    }
    set_interrupt(state_.interrupt);
}

void AtaChannel::set_interrupt(bool pending) {
    state_.interrupt = pending;
    irq14_.set(pending && (state_.control & kInterruptsOff) == 0);
}

// ---- Commands (s. 8) ----

void AtaChannel::command(std::uint8_t code) {
    set_interrupt(false);
    if (code == 0x90) {  // EXECUTE DEVICE DIAGNOSTIC is for both drives
        signature();
        return set_interrupt(true);
    }
    if (drive().image == nullptr) return;
    state_.error = 0;
    state_.status = kReady;
    state_.position = kSectorSize;
    state_.left = 0;
    execute(code);
}

void AtaChannel::execute(std::uint8_t code) {
    switch (code) {
        case 0x20:
        case 0x21:
            return begin_read(false);  // READ SECTOR(S)
        case 0x24:
            return begin_read(true);  // READ SECTOR(S) EXT
        case 0x40:
        case 0x41:
            return verify(false);  // READ VERIFY SECTOR(S)
        case 0x42:
            return verify(true);
        case 0xEC:
            return identify();
        case 0x91:
            return initialize_parameters();
        case 0xEF:
            return set_features();
        case 0x30:
        case 0x31:
        case 0x34:
        case 0x35:  // WRITE in all its forms
        case 0x39:
        case 0xC5:
        case 0xCA:
        case 0xCB:
            return fail(kWriteProtected | kAborted);
        case 0xE5:  // CHECK POWER MODE: active
            state_.count = {.now = 0xFF, .before = 0};
            return finish();
        case 0xE0:
        case 0xE1:
        case 0xE2:
        case 0xE3:  // STANDBY, IDLE, at once or later
        case 0xE7:
        case 0xEA:  // FLUSH CACHE, and EXT
            return finish();
        default:
            break;
    }
    const std::uint8_t family = code & 0xF0;
    if (family == 0x10 || family == 0x70) return finish();  // RECALIBRATE, SEEK
    fail(kAborted);
}

void AtaChannel::finish() {
    state_.status = kReady;
    set_interrupt(true);
}

void AtaChannel::fail(std::uint8_t error) {
    state_.error = error;
    state_.status = kReady | kFailed;
    state_.position = kSectorSize;
    state_.left = 0;
    set_interrupt(true);
}

std::optional<std::uint64_t> AtaChannel::address(bool wide) const {
    const State& s = state_;
    if (wide) {
        return std::uint64_t{s.high.before} << 40 | std::uint64_t{s.middle.before} << 32 |
               std::uint64_t{s.low.before} << 24 | std::uint64_t{s.high.now} << 16 |
               std::uint64_t{s.middle.now} << 8 | s.low.now;
    }
    const std::uint8_t top = s.device & 0x0F;
    if ((s.device & kLba) != 0) {
        return std::uint64_t{top} << 24 | std::uint64_t{s.high.now} << 16 |
               std::uint64_t{s.middle.now} << 8 | s.low.now;
    }
    const Translation& translation = s.translation[selected()];
    if (top >= translation.heads || s.low.now == 0 || s.low.now > translation.sectors) return {};
    const std::uint64_t cylinder = std::uint64_t{s.high.now} << 8 | s.middle.now;
    return (cylinder * translation.heads + top) * translation.sectors + s.low.now - 1;
}

void AtaChannel::set_address(std::uint64_t sector, bool wide) {
    State& s = state_;
    const auto byte = [](std::uint64_t value) { return static_cast<std::uint8_t>(value); };
    if (wide) {
        s.low = {byte(sector), byte(sector >> 24)};
        s.middle = {byte(sector >> 8), byte(sector >> 32)};
        s.high = {byte(sector >> 16), byte(sector >> 40)};
        return;
    }
    std::uint64_t top = sector >> 24;
    if ((s.device & kLba) == 0) {
        const Translation& translation = s.translation[selected()];
        const std::uint64_t track = sector / translation.sectors;
        top = track % translation.heads;
        sector = (track / translation.heads) << 8 | (sector % translation.sectors + 1);
    }
    s.low.now = byte(sector);
    s.middle.now = byte(sector >> 8);
    s.high.now = byte(sector >> 16);
    s.device = static_cast<std::uint8_t>((s.device & 0xF0) | (top & 0x0F));
}

std::uint32_t AtaChannel::sector_count(bool wide) const {
    if (wide) return state_.count.both() == 0 ? kMost : state_.count.both();
    return state_.count.now == 0 ? 256 : state_.count.now;
}

void AtaChannel::begin_read(bool wide) {
    const std::optional<std::uint64_t> first = address(wide);
    if (!first) return fail(kNoSuchSector);
    state_.wide = wide;
    state_.next = *first;
    state_.left = sector_count(wide);
    next_sector();
}

// Called when the buffer is used up: the next sector, or the end of the command.
void AtaChannel::next_sector() {
    if (state_.left == 0) {
        state_.status = kReady;
        return;
    }
    if (drive().image == nullptr || state_.next >= drive().image->sectors()) {
        return fail(kNoSuchSector);
    }
    state_.buffer = drive().image->read(state_.next);
    set_address(state_.next, state_.wide);
    ++state_.next;
    --state_.left;
    state_.count = {.now = static_cast<std::uint8_t>(state_.left),
                    .before = static_cast<std::uint8_t>(state_.left >> 8)};
    state_.position = 0;
    state_.status = kReady | kDataRequest;
    set_interrupt(true);
}

void AtaChannel::verify(bool wide) {
    const std::optional<std::uint64_t> first = address(wide);
    const std::uint64_t sectors = drive().image->sectors();
    if (!first || *first >= sectors || sector_count(wide) > sectors - *first) {
        return fail(kNoSuchSector);
    }
    finish();
}

void AtaChannel::identify() {
    const Translation& translation = state_.translation[selected()];
    state_.buffer = identify_device(drive(), translation.heads, translation.sectors);
    state_.left = 0;
    state_.position = 0;
    state_.status = kReady | kDataRequest;
    set_interrupt(true);
}

void AtaChannel::initialize_parameters() {
    if (state_.count.now == 0) return fail(kAborted);
    state_.translation[selected()] = {
        .heads = static_cast<std::uint8_t>((state_.device & 0x0F) + 1),
        .sectors = state_.count.now};
    finish();
}

// What Linux and firmware set without being told that it can be: transfer modes of PIO, caches,
// look-ahead, the return to defaults. There is nothing to do for them.
void AtaChannel::set_features() {
    constexpr std::array<std::uint8_t, 7> kKnown = {0x02, 0x55, 0x66, 0x82, 0xAA, 0xBB, 0xCC};
    const bool pio_mode = state_.features == 0x03 && state_.count.now < 0x10;
    const bool known = std::find(kKnown.begin(), kKnown.end(), state_.features) != kKnown.end();
    if (!pio_mode && !known) return fail(kAborted);
    finish();
}

// ---- State ----

void AtaChannel::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    for (const AtaDrive& drive : drives_) {
        writer.put(drive.image == nullptr ? std::uint64_t{0} : drive.image->sectors());
    }
    for (const Pair& pair : {state_.count, state_.low, state_.middle, state_.high}) {
        writer.put(pair.now);
        writer.put(pair.before);
    }
    writer.put(state_.features);
    writer.put(state_.device);
    writer.put(state_.control);
    writer.put(state_.status);
    writer.put(state_.error);
    writer.put(state_.interrupt);
    for (const Translation& translation : state_.translation) {
        writer.put(translation.heads);
        writer.put(translation.sectors);
    }
    writer.put(state_.position);
    writer.put(state_.left);
    writer.put(state_.next);
    writer.put(state_.wide);
    writer.put_bytes(state_.buffer);
}

void AtaChannel::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    for (const AtaDrive& drive : drives_) {
        const std::uint64_t sectors = drive.image == nullptr ? 0 : drive.image->sectors();
        if (reader.get<std::uint64_t>() != sectors) {
            throw StateError("ata0: the state is of a machine with other disks");
        }
    }
    State state;
    for (Pair* pair : {&state.count, &state.low, &state.middle, &state.high}) {
        pair->now = reader.get<std::uint8_t>();
        pair->before = reader.get<std::uint8_t>();
    }
    state.features = reader.get<std::uint8_t>();
    state.device = reader.get<std::uint8_t>();
    state.control = reader.get<std::uint8_t>() & (kInterruptsOff | kSoftwareReset | kHighOrderByte);
    state.status = reader.get<std::uint8_t>();
    state.error = reader.get<std::uint8_t>();
    state.interrupt = reader.get_bool();
    for (Translation& translation : state.translation) {
        translation.heads = reader.get_in<std::uint8_t>(1, 16, "heads");
        translation.sectors = reader.get_in<std::uint8_t>(1, 255, "sectors a track");
    }
    state.position = reader.get_in<std::uint16_t>(0, kSectorSize, "position");
    state.left = reader.get_in<std::uint32_t>(0, kMost, "sectors left");
    state.next = reader.get_in<std::uint64_t>(0, kMaxSectors, "next sector");
    state.wide = reader.get_bool();
    const std::vector<std::byte> buffer = reader.get_bytes(kSectorSize);
    if (buffer.size() != kSectorSize) throw StateError("ata0: the buffer is not a sector");
    std::copy(buffer.begin(), buffer.end(), state.buffer.begin());
    state_ = state;
    irq14_.restore(state_.interrupt && (state_.control & kInterruptsOff) == 0);
}

}  // namespace hvlab
