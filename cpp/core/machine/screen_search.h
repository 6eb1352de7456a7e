// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/units.h"
#include "core/devices/text_screen.h"
#include "core/machine/console.h"
#include "core/machine/console_pattern.h"

namespace hvlab {

// The search that is under way on a machine's screen: for the first moment at which one row
// contains a text, or, without the spaces at its end, matches a regular expression. What is shown
// already counts: a screen has no reading position. Costs nothing while there is no search; else
// each write costs a look at the rows that it changed.
class ScreenSearch {
public:
    explicit ScreenSearch(const TextScreen& screen) : screen_(screen) {}

    // True if it is there already. The pattern outlives the search.
    bool begin(const ConsolePattern& pattern, Nanoseconds now);
    // After a write to text memory, and after rows were moved. True if that completed the search.
    bool written(std::uint64_t offset, unsigned size, Nanoseconds now);
    bool layout_changed(Nanoseconds now);
    // Ends the search and returns the match, if there is one.
    std::optional<ConsoleMatch> finish();

private:
    bool active() const { return pattern_ != nullptr && !found_; }
    bool look_at_all(Nanoseconds now);
    bool look_at(unsigned row, Nanoseconds now);

    const TextScreen& screen_;
    const ConsolePattern* pattern_ = nullptr;
    std::optional<ConsoleMatch> found_;
};

}  // namespace hvlab
