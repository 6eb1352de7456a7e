// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/machine/awaited.h"
#include "core/machine/console.h"
#include "core/machine/screen_search.h"
#include "core/machine/stop.h"

namespace hvlab {

// What a run waits for on one machine: patterns on its console and its screen, and writes to its
// ports. Costs nothing while nothing is awaited. Of things that one instruction completes, the
// first in the list of all that the run waits for is the one that happened.
class Search {
public:
    Search(Console& console, const TextScreen& screen) : console_(console), screen_(screen) {}

    // One more thing to wait for, which is number `index` of the run; before begin().
    void await(const Awaited& event, std::size_t index);
    // Looks at what is there already: true if that completes one. Nothing if it has begun.
    bool begin(Nanoseconds now);
    void end();

    // From the machine's devices, each at the time of the instruction. True if that completed the
    // first of the awaited things. All values are guest-controlled.
    bool printed(std::uint8_t byte, Nanoseconds now) { return console_.append(byte, now); }
    bool screen_written(std::uint64_t offset, unsigned size, Nanoseconds now) {
        return screen_.written(offset, size, now);
    }
    bool screen_layout_changed(Nanoseconds now) { return screen_.layout_changed(now); }
    bool awaits_ports() const { return !ports_.empty(); }
    bool port_written(std::uint16_t port, unsigned width, std::uint32_t value, Nanoseconds now);

    // `final`: no output will follow, so a match that only waited for its end counts.
    std::optional<Happened> happened(bool final);
    // Puts what happened() tells into the stop, and moves the console's reading position behind it.
    void take(Stop& stop);

private:
    Console& console_;
    ScreenSearch screen_;
    std::vector<std::pair<PortPattern, std::size_t>> ports_;
    std::optional<std::pair<PortWrite, std::size_t>> port_write_;
    bool begun_ = false;
};

}  // namespace hvlab
