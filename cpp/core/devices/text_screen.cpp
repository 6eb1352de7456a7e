// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/devices/text_screen.h"

#include <algorithm>
#include <cstring>

#include "core/base/status.h"
#include "core/devices/code_page_437.h"

namespace hvlab {

namespace {

// Ports, as offsets from 3C0h.
enum Port : std::uint64_t {
    kAttribute = 0x0,      // index and data in turn
    kAttributeRead = 0x1,  // data
    kMiscellaneous = 0x2,  // read: input status 0
    kEnable = 0x3,
    kSequencerIndex = 0x4,
    kSequencerData = 0x5,
    kDacMask = 0x6,
    kDacReadIndex = 0x7,  // read: the DAC's state
    kDacWriteIndex = 0x8,
    kDacData = 0x9,
    kFeatureRead = 0xA,
    kMiscellaneousRead = 0xC,
    kGraphicsIndex = 0xE,
    kGraphicsData = 0xF,
    kCrtcIndex = 0x14,
    kCrtcData = 0x15,
    kStatus = 0x1A,  // write: feature control
};

enum Crtc : unsigned {
    kHorizontalEnd = 0x01,
    kOverflow = 0x07,
    kMaximumScanLine = 0x09,
    kCursorStart = 0x0A,
    kCursorEnd = 0x0B,
    kStartAddress = 0x0C,  // high, then low
    kCursorLocation = 0x0E,
    kRetraceEnd = 0x11,
    kVerticalEnd = 0x12,
    kRowOffset = 0x13,
};
constexpr std::uint8_t kProtect = 0x80;          // of kRetraceEnd: 0-7 are read-only
constexpr std::uint8_t kLineCompareBit8 = 0x10;  // of kOverflow: never protected
constexpr std::uint8_t kCursorOff = 0x20;        // of kCursorStart

constexpr unsigned kMapMask = 2;     // sequencer
constexpr unsigned kMemoryMode = 4;  // sequencer
constexpr std::uint8_t kNotOddEven = 0x04;
constexpr unsigned kGraphicsMiscellaneous = 6;
constexpr std::uint8_t kGraphicsMode = 0x01;
constexpr std::uint8_t kMapSelect = 0x0C;  // both bits: B8000h-BFFFFh
constexpr std::uint8_t kRamEnable = 0x02;  // miscellaneous output
constexpr unsigned kModeControl = 0x10;    // attribute controller
constexpr unsigned kColourSelect = 0x14;
constexpr std::uint8_t kBlink = 0x08;
constexpr std::uint8_t kColourSelect54 = 0x80;
constexpr std::uint8_t kSwitchSense = 0x10;  // input status 0
constexpr std::uint8_t kDisplayDisabled = 0x01;
constexpr std::uint8_t kVerticalRetrace = 0x08;

// 640 of 800 dots of a line and 400 of 449 lines are shown, at 25.175 MHz; retrace takes lines 412
// and 413. 720 of 900 dots at 28.322 MHz take the same time but for 1 ns.
constexpr Nanoseconds kLine = 31'778;
constexpr Nanoseconds kShownOfLine = 25'422;
constexpr Nanoseconds kLines = 449;
constexpr Nanoseconds kShownLines = 400;
constexpr Nanoseconds kRetraceLine = 412;
constexpr Nanoseconds kRetraceLines = 2;

// Mode 3 as the BIOS sets it ("Video BIOS", mode tables).
constexpr std::array<std::uint8_t, 25> kMode3Crtc = {
    0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00,
    0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF};
constexpr std::array<std::uint8_t, 5> kMode3Sequencer = {0x03, 0x00, 0x03, 0x00, 0x02};
constexpr std::array<std::uint8_t, 9> kMode3Graphics = {0x00, 0x00, 0x00, 0x00, 0x00,
                                                        0x10, 0x0E, 0x00, 0xFF};
constexpr std::array<std::uint8_t, 21> kMode3Attribute = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                                          0x07, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D,
                                                          0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00};
constexpr std::uint8_t kMode3Miscellaneous = 0x67;
constexpr std::uint8_t kPaletteOn = 0x20;  // in the attribute controller's index
constexpr std::uint8_t kBlankAttribute = 0x07;

}  // namespace

TextScreen::TextScreen(const Timeline& timeline) : timeline_(timeline) {
    reset();
}

void TextScreen::reset() {
    static const State kPowerOn = power_on();
    state_ = kPowerOn;
}

TextScreen::State TextScreen::power_on() {
    State state;
    for (std::size_t i = 0; i < state.memory.size(); i += 2) {
        state.memory[i] = ' ';
        state.memory[i + 1] = kBlankAttribute;
    }
    state.crtc.values = kMode3Crtc;
    state.sequencer.values = kMode3Sequencer;
    state.graphics.values = kMode3Graphics;
    state.attribute.values = kMode3Attribute;
    state.attribute.index = kPaletteOn;
    state.miscellaneous = kMode3Miscellaneous;
    state.enable = 1;
    // The EGA's 64 colours: bits 2-0 are two thirds of red, green and blue, bits 5-3 one third.
    for (unsigned colour = 0; colour < 64; ++colour) {
        for (unsigned component = 0; component < 3; ++component) {
            const unsigned strong = colour >> (2 - component) & 1;
            const unsigned weak = colour >> (5 - component) & 1;
            state.dac.colours[colour * 3 + component] =
                static_cast<std::uint8_t>(strong * 42 + weak * 21);
        }
    }
    return state;
}

std::uint64_t TextScreen::read(std::uint64_t offset, unsigned size) {
    if (offset >= kMemoryOffset) return read_memory(offset - kMemoryOffset, size);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{read_port(offset + i)} << (8 * i);
    return value;
}

void TextScreen::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (offset >= kMemoryOffset) {
        write_memory(offset - kMemoryOffset, size, value);
        return;
    }
    for (unsigned i = 0; i < size; ++i) {
        write_port(offset + i, static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

// ---- Text memory

bool TextScreen::window_open() const {
    const std::uint8_t map = state_.graphics.values[kGraphicsMiscellaneous];
    return (map & (kMapSelect | kGraphicsMode)) == kMapSelect &&
           (state_.sequencer.values[kMemoryMode] & kNotOddEven) == 0 &&
           (state_.miscellaneous & kRamEnable) != 0;
}

std::uint64_t TextScreen::read_memory(std::uint64_t offset, unsigned size) const {
    if (!window_open()) return ~std::uint64_t{0};
    std::uint64_t value = 0;
    std::memcpy(&value, state_.memory.data() + offset, size);
    return value;
}

void TextScreen::write_memory(std::uint64_t offset, unsigned size, std::uint64_t value) {
    if (!window_open()) return;
    // Characters are plane 0, attributes plane 1.
    const unsigned planes = state_.sequencer.values[kMapMask];
    for (unsigned i = 0; i < size; ++i) {
        if ((planes >> ((offset + i) % 2) & 1) == 0) continue;
        state_.memory[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    if (written_) written_(offset, size, value);
}

// ---- Registers

std::uint8_t TextScreen::read_port(std::uint64_t offset) {
    switch (offset) {
        case kAttribute:
            return state_.attribute.index;
        case kAttributeRead:
            return state_.attribute.read();
        case kMiscellaneous:
            return kSwitchSense;
        case kEnable:
            return state_.enable;
        case kSequencerIndex:
            return state_.sequencer.index;
        case kSequencerData:
            return state_.sequencer.read();
        case kDacMask:
            return state_.dac.mask;
        case kDacReadIndex:
            return state_.dac.reading ? 3 : 0;
        case kDacWriteIndex:
            return state_.dac.write_index;
        case kDacData:
            return state_.dac.colours[state_.dac.next(state_.dac.read_index)];
        case kFeatureRead:
            return state_.feature_control;
        case kMiscellaneousRead:
            return state_.miscellaneous;
        case kGraphicsIndex:
            return state_.graphics.index;
        case kGraphicsData:
            return state_.graphics.read();
        case kCrtcIndex:
            return state_.crtc.index;
        case kCrtcData:
            return state_.crtc.read();
        case kStatus:
            state_.attribute_data = false;
            return input_status();
        default:
            return 0xFF;
    }
}

void TextScreen::write_port(std::uint64_t offset, std::uint8_t value) {
    switch (offset) {
        case kAttribute:
            return write_attribute(value);
        case kMiscellaneous:
            state_.miscellaneous = value;
            return;
        case kEnable:
            state_.enable = value;
            return;
        case kSequencerIndex:
            state_.sequencer.index = value;
            return;
        case kSequencerData:
            return state_.sequencer.write(value);
        case kDacMask:
            state_.dac.mask = value;
            return;
        case kDacReadIndex:
        case kDacWriteIndex:
            (offset == kDacReadIndex ? state_.dac.read_index : state_.dac.write_index) = value;
            state_.dac.reading = offset == kDacReadIndex;
            state_.dac.component = 0;
            return;
        case kDacData:
            state_.dac.colours[state_.dac.next(state_.dac.write_index)] = value & 0x3F;
            return;
        case kGraphicsIndex:
            state_.graphics.index = value;
            return;
        case kGraphicsData:
            return state_.graphics.write(value);
        case kCrtcIndex:
            state_.crtc.index = value;
            return;
        case kCrtcData:
            return write_crtc(value);
        case kStatus:
            state_.feature_control = value;
            return;
        default:
            return;
    }
}

void TextScreen::write_attribute(std::uint8_t value) {
    if (state_.attribute_data) {
        state_.attribute.write(value);
    } else {
        state_.attribute.index = value;
    }
    state_.attribute_data = !state_.attribute_data;
}

void TextScreen::write_crtc(std::uint8_t value) {
    const unsigned index = state_.crtc.selected();
    if (index <= kOverflow && (state_.crtc.values[kRetraceEnd] & kProtect) != 0) {
        if (index != kOverflow) return;
        const std::uint8_t kept = state_.crtc.values[kOverflow];
        value = static_cast<std::uint8_t>((kept & ~kLineCompareBit8) | (value & kLineCompareBit8));
    }
    if (state_.crtc.read() == value) return;
    state_.crtc.write(value);
    const bool cursor = index == kCursorStart || index == kCursorEnd || index == kCursorLocation ||
                        index == kCursorLocation + 1;
    if (!cursor && layout_changed_) layout_changed_();
}

std::uint8_t TextScreen::input_status() const {
    const Nanoseconds line = timeline_.now() / kLine % kLines;
    const bool shown = line < kShownLines && timeline_.now() % kLine < kShownOfLine;
    const bool retrace = line >= kRetraceLine && line < kRetraceLine + kRetraceLines;
    return static_cast<std::uint8_t>((shown ? 0 : kDisplayDisabled) |
                                     (retrace ? kVerticalRetrace : 0));
}

// ---- What is shown

unsigned TextScreen::columns() const {
    return std::min(state_.crtc.values[kHorizontalEnd] + 1u, kMaxColumns);
}

unsigned TextScreen::rows() const {
    const unsigned overflow = state_.crtc.values[kOverflow];
    const unsigned last_line =
        state_.crtc.values[kVerticalEnd] | (overflow << 7 & 0x100) | (overflow << 3 & 0x200);
    const unsigned maximum = state_.crtc.values[kMaximumScanLine];
    unsigned height = (maximum & 0x1F) + 1;
    if ((maximum & 0x80) != 0) height *= 2;  // each line twice
    return std::clamp((last_line + 1) / height, 1u, kMaxRows);
}

// In cells; the register counts double words of the planes' two bytes.
unsigned TextScreen::pitch() const {
    return state_.crtc.values[kRowOffset] * 2u;
}

std::size_t TextScreen::crtc_pair(unsigned high) const {
    return state_.crtc.values[high] << 8 | state_.crtc.values[high + 1];
}

std::size_t TextScreen::cell_index(unsigned row, unsigned column) const {
    return (crtc_pair(kStartAddress) + std::size_t{row} * pitch() + column) % kCells;
}

TextScreen::Cell TextScreen::cell(unsigned row, unsigned column) const {
    HVLAB_ASSERT(row < rows() && column < columns());
    const std::size_t at = cell_index(row, column) * 2;
    return {.code = state_.memory[at], .attribute = state_.memory[at + 1]};
}

std::string TextScreen::row_text(unsigned row) const {
    HVLAB_ASSERT(row < rows());
    std::string text;
    for (unsigned column = 0; column < columns(); ++column) {
        text += code_page_437(state_.memory[cell_index(row, column) * 2]);
    }
    text.resize(text.find_last_not_of(' ') + 1);  // npos + 1 is 0
    return text;
}

bool TextScreen::shows(unsigned row, std::uint64_t offset, unsigned size) const {
    const std::size_t first = cell_index(row, 0);
    for (std::size_t cell = offset / 2; cell <= (offset + size - 1) / 2; ++cell) {
        if ((cell + kCells - first) % kCells < columns()) return true;
    }
    return false;
}

TextScreen::Cursor TextScreen::cursor() const {
    const std::size_t distance =
        (crtc_pair(kCursorLocation) + kCells * 4 - crtc_pair(kStartAddress)) % kCells;
    const unsigned width = std::max(pitch(), 1u);
    Cursor cursor{.row = static_cast<unsigned>(distance / width),
                  .column = static_cast<unsigned>(distance % width),
                  .first_line = state_.crtc.values[kCursorStart] & 0x1Fu,
                  .last_line = state_.crtc.values[kCursorEnd] & 0x1Fu};
    cursor.visible = (state_.crtc.values[kCursorStart] & kCursorOff) == 0 &&
                     cursor.first_line <= cursor.last_line && cursor.row < rows() &&
                     cursor.column < columns();
    return cursor;
}

bool TextScreen::blinking() const {
    return (state_.attribute.values[kModeControl] & kBlink) != 0;
}

std::array<std::uint32_t, 16> TextScreen::palette() const {
    const auto& attribute = state_.attribute.values;
    const unsigned select = attribute[kColourSelect];
    std::array<std::uint32_t, 16> result{};
    for (unsigned i = 0; i < result.size(); ++i) {
        unsigned index = (attribute[i] & 0x3Fu) | (select << 4 & 0xC0);
        if ((attribute[kModeControl] & kColourSelect54) != 0) {
            index = (index & 0xCF) | (select << 4 & 0x30);
        }
        index &= state_.dac.mask;
        for (unsigned component = 0; component < 3; ++component) {
            const std::uint32_t level = state_.dac.colours[index * 3 + component];
            result[i] = result[i] << 8 | (level << 2 | level >> 4);
        }
    }
    return result;
}

}  // namespace hvlab
