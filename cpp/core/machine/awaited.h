// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/units.h"
#include "core/machine/console_pattern.h"

namespace hvlab {

class Machine;

// A write to a port that a run may wait for: by an instruction that addresses `port` itself (a wide
// one to a lower port, which reaches it too, is another).
struct PortPattern {
    std::uint16_t port = 0;
    std::optional<std::uint32_t> value = {};  // of all bytes written; nothing: any
    std::optional<unsigned> width = {};       // bytes; nothing: any

    bool matches(std::uint16_t written, unsigned size, std::uint32_t with) const {
        return written == port && value.value_or(with) == with && width.value_or(size) == size;
    }
};

// A write to a port that was waited for.
struct PortWrite {
    std::uint16_t port = 0;
    unsigned width = 0;  // bytes
    std::uint32_t value = 0;
    Nanoseconds time = 0;  // of the instruction
};

// One of the things that end a run when they happen.
struct Awaited {
    enum class Place : std::uint8_t { kConsole, kScreen, kPort };

    Machine* machine = nullptr;
    Place place = Place::kConsole;
    const ConsolePattern* pattern = nullptr;  // kConsole, kScreen; outlives the run
    PortPattern port = {};                    // kPort
};

// Which of the awaited things happened, by its place in their list, and when.
struct Happened {
    std::size_t index = 0;
    Nanoseconds time = 0;

    // Sooner, or at the same instant and further up in the list.
    bool before(const Happened& other) const {
        return time != other.time ? time < other.time : index < other.index;
    }
};

}  // namespace hvlab
