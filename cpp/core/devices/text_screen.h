// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bus/device.h"
#include "core/bus/timeline.h"

namespace hvlab {

// A VGA in text mode: the text memory at B8000h-BFFFFh and the registers that text programs use
// (IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"; names as there).
//
// Power-on is what firmware leaves behind: mode 3, 80 x 25 in 16 colours, an empty screen. All
// registers are kept and read back. Those that change what text a monitor would show have their
// effect: CRTC geometry, start address, cursor, blinking, palette. There are no fonts and no
// graphics: while the guest has set the planes up for those, the window reads ones and drops
// writes, so that a font that is loaded never lands in the text.
class TextScreen final : public Device {
public:
    static constexpr std::uint64_t kPort = 0x3C0;
    static constexpr std::uint64_t kSize = 0x10;
    static constexpr std::uint64_t kOffset = 0;
    static constexpr std::uint64_t kCrtcPort = 0x3D4;
    static constexpr std::uint64_t kCrtcSize = 2;
    static constexpr std::uint64_t kCrtcOffset = 0x14;
    static constexpr std::uint64_t kStatusPort = 0x3DA;
    static constexpr std::uint64_t kStatusSize = 1;
    static constexpr std::uint64_t kStatusOffset = 0x1A;
    static constexpr std::uint64_t kMemory = 0xB8000;
    static constexpr std::uint64_t kMemorySize = 0x8000;
    static constexpr std::uint64_t kMemoryOffset = 0x10000;

    // Whatever the guest programs, no more than this is shown.
    static constexpr unsigned kMaxColumns = 132;
    static constexpr unsigned kMaxRows = 60;

    explicit TextScreen(const Timeline& timeline);

    std::string_view name() const override { return "screen"; }
    std::uint64_t read(std::uint64_t offset, unsigned size) override;
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    void load(StateReader& reader) override;

    // Called after each write that reached text memory (offset into it, size, value), and after
    // each change of the registers that say which part of it is shown.
    using WriteCallback =
        std::function<void(std::uint64_t offset, unsigned size, std::uint64_t value)>;
    void on_write(WriteCallback callback) { written_ = std::move(callback); }
    void on_layout(std::function<void()> callback) { layout_changed_ = std::move(callback); }

    // What is shown. Rows and columns count from 0 and are checked (asserted).
    unsigned columns() const;
    unsigned rows() const;

    struct Cell {
        std::uint8_t code = 0;
        std::uint8_t attribute = 0;
    };
    Cell cell(unsigned row, unsigned column) const;
    // UTF-8, spaces at the end left out.
    std::string row_text(unsigned row) const;
    // Do these bytes of text memory show in that row?
    bool shows(unsigned row, std::uint64_t offset, unsigned size) const;

    struct Cursor {
        unsigned row = 0;
        unsigned column = 0;
        bool visible = false;     // switched on, and inside what is shown
        unsigned first_line = 0;  // scan lines of the character cell
        unsigned last_line = 0;
    };
    Cursor cursor() const;
    // Bit 7 of an attribute: blinking, or the background's intensity.
    bool blinking() const;
    // The sixteen colours of attributes as 0xRRGGBB.
    std::array<std::uint32_t, 16> palette() const;

private:
    static constexpr std::size_t kCells = kMemorySize / 2;

    // An index register and the registers behind it; those that do not exist read 0.
    template <std::size_t Count, std::uint8_t IndexMask>
    struct Indexed {
        std::uint8_t index = 0;
        std::array<std::uint8_t, Count> values{};

        std::uint8_t selected() const { return index & IndexMask; }
        std::uint8_t read() const { return selected() < Count ? values[selected()] : 0; }
        void write(std::uint8_t value) {
            if (selected() < Count) values[selected()] = value;
        }
    };

    struct Dac {
        std::array<std::uint8_t, 768> colours{};  // red, green, blue; 6 bits each
        std::uint8_t mask = 0xFF;
        std::uint8_t read_index = 0;
        std::uint8_t write_index = 0;
        std::uint8_t component = 0;  // 0 to 2, of the next access to the data port
        bool reading = false;        // the index that was written last was for reads

        // The place of the next access to the data port; moves on.
        std::size_t next(std::uint8_t& index) {
            const std::size_t place = index * 3u + component;
            if (++component == 3) {
                component = 0;
                ++index;
            }
            return place;
        }
    };

    struct State {
        std::array<std::uint8_t, kMemorySize> memory{};
        Indexed<25, 0x1F> crtc;
        Indexed<5, 0x07> sequencer;
        Indexed<9, 0x0F> graphics;
        Indexed<21, 0x1F> attribute;
        bool attribute_data = false;  // the next write to 3C0h is data, no index
        std::uint8_t miscellaneous = 0;
        std::uint8_t feature_control = 0;
        std::uint8_t enable = 0;
        Dac dac;
    };

    static State power_on();

    bool window_open() const;
    std::uint64_t read_memory(std::uint64_t offset, unsigned size) const;
    void write_memory(std::uint64_t offset, unsigned size, std::uint64_t value);

    std::uint8_t read_port(std::uint64_t offset);
    void write_port(std::uint64_t offset, std::uint8_t value);
    void write_attribute(std::uint8_t value);
    void write_crtc(std::uint8_t value);
    std::uint8_t input_status() const;

    std::size_t cell_index(unsigned row, unsigned column) const;
    std::size_t crtc_pair(unsigned high) const;
    unsigned pitch() const;

    const Timeline& timeline_;
    State state_;
    WriteCallback written_;
    std::function<void()> layout_changed_;
};

}  // namespace hvlab
