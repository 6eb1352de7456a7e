// SPDX-License-Identifier: GPL-2.0-or-later
//
// The saved state of the screen. Most of text memory is alike: cells are written as runs.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "core/devices/text_screen.h"

namespace hvlab {

namespace {

constexpr std::uint32_t kVersion = 1;

std::uint16_t cell_at(std::span<const std::uint8_t> memory, std::size_t cell) {
    return static_cast<std::uint16_t>(memory[cell * 2] | memory[cell * 2 + 1] << 8);
}

// So many cells are compared at once.
constexpr std::size_t kStride = 128;

void put_cells(StateWriter& writer, std::span<const std::uint8_t> memory) {
    const std::size_t count = memory.size() / 2;
    for (std::size_t start = 0; start < count;) {
        std::size_t end = start + 1;
        // Memory that equals itself a cell further on is all one cell.
        while (count - end >= kStride &&
               std::memcmp(&memory[end * 2], &memory[end * 2 - 2], kStride * 2) == 0) {
            end += kStride;
        }
        while (end < count && cell_at(memory, end) == cell_at(memory, start)) ++end;
        writer.put(static_cast<std::uint16_t>(end - start));
        writer.put(cell_at(memory, start));
        start = end;
    }
}

void get_cells(StateReader& reader, std::span<std::uint8_t> memory) {
    const std::size_t count = memory.size() / 2;
    for (std::size_t start = 0; start < count;) {
        const auto length = reader.get_in<std::uint16_t>(
            1, static_cast<std::uint16_t>(count - start), "run of cells");
        const auto cell = reader.get<std::uint16_t>();
        const std::span<std::uint8_t> run = memory.subspan(start * 2, length * 2u);
        run[0] = static_cast<std::uint8_t>(cell);
        run[1] = static_cast<std::uint8_t>(cell >> 8);
        for (std::size_t done = 2; done < run.size(); done *= 2) {
            std::memcpy(&run[done], run.data(), std::min(done, run.size() - done));
        }
        start += length;
    }
}

}  // namespace

void TextScreen::save(StateWriter& writer) const {
    writer.begin(name(), kVersion);
    const auto put_indexed = [&writer](const auto& registers) {
        writer.put(registers.index);
        writer.put_all(registers.values);
    };
    put_indexed(state_.crtc);
    put_indexed(state_.sequencer);
    put_indexed(state_.graphics);
    put_indexed(state_.attribute);
    writer.put(state_.attribute_data);
    writer.put(state_.miscellaneous);
    writer.put(state_.feature_control);
    writer.put(state_.enable);
    writer.put_all(state_.dac.colours);
    writer.put(state_.dac.mask);
    writer.put(state_.dac.read_index);
    writer.put(state_.dac.write_index);
    writer.put(state_.dac.component);
    writer.put(state_.dac.reading);
    put_cells(writer, state_.memory);
}

void TextScreen::load(StateReader& reader) {
    reader.begin(name(), kVersion);
    const auto next = std::make_unique<State>();
    const auto get_indexed = [&reader](auto& registers) {
        registers.index = reader.get<std::uint8_t>();
        reader.get_all(registers.values);
    };
    get_indexed(next->crtc);
    get_indexed(next->sequencer);
    get_indexed(next->graphics);
    get_indexed(next->attribute);
    next->attribute_data = reader.get_bool();
    next->miscellaneous = reader.get<std::uint8_t>();
    next->feature_control = reader.get<std::uint8_t>();
    next->enable = reader.get<std::uint8_t>();
    reader.get_all(next->dac.colours);
    if (*std::max_element(next->dac.colours.begin(), next->dac.colours.end()) > 0x3F) {
        throw StateError("screen: a colour is out of range");
    }
    next->dac.mask = reader.get<std::uint8_t>();
    next->dac.read_index = reader.get<std::uint8_t>();
    next->dac.write_index = reader.get<std::uint8_t>();
    next->dac.component = reader.get_in<std::uint8_t>(0, 2, "DAC component");
    next->dac.reading = reader.get_bool();
    get_cells(reader, next->memory);
    state_ = *next;
}

}  // namespace hvlab
