// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/devices/text_screen.h"
#include "core/machine/awaited.h"
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

    // One more pattern, for the next search; it outlives the search. Of several that one write
    // completes, the one that was added first is found.
    void await(const ConsolePattern& pattern, std::size_t index);
    // True if one of them is there already.
    bool begin(Nanoseconds now);
    // After a write to text memory, and after rows were moved. True if that completed the search.
    bool written(std::uint64_t offset, unsigned size, Nanoseconds now);
    bool layout_changed(Nanoseconds now);

    std::optional<Happened> found() const;
    // What was found; there is something.
    ConsoleMatch take() { return std::move(*match_); }
    void end();

private:
    bool active() const { return !awaited_.empty() && !match_; }
    template <typename IsWanted>
    bool look(Nanoseconds now, IsWanted&& is_wanted);
    std::optional<ConsoleMatch> match(const ConsolePattern& pattern, unsigned row,
                                      Nanoseconds now) const;

    const TextScreen& screen_;
    std::vector<std::pair<const ConsolePattern*, std::size_t>> awaited_;
    std::optional<ConsoleMatch> match_;
    std::size_t index_ = 0;  // of the pattern that match_ is of
};

}  // namespace hvlab
