// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/machine/awaited.h"
#include "core/machine/console_pattern.h"

namespace hvlab {

// What the guest printed or showed that was waited for. Byte strings as the guest wrote them,
// carriage returns left out; of the screen, UTF-8.
struct ConsoleMatch {
    std::vector<std::optional<std::string>> groups;  // [0] is the whole match
    std::vector<std::pair<int, std::string>> group_names;
    Nanoseconds time = 0;  // of the byte or the write that completed it

    struct Place {
        unsigned row = 0;
        unsigned column = 0;
    };
    std::optional<Place> place = {};  // of its first character, for a match on the screen
};

// Everything that the guest wrote to its serial console, with the guest time of each byte, and the
// search that is under way. The text is the output without carriage returns.
//
// Bounded: only the last kKeep bytes and at most twice as many are held; the rest counts as
// dropped.
class Console {
public:
    static constexpr std::size_t kKeep = 4 * kMiB;

    Console();

    // One byte from the guest. True if it completed the search under way.
    bool append(std::uint8_t byte, Nanoseconds now);

    // One more pattern, for the next search; it outlives the search. The first to be completed is
    // found; of several that one byte completes, the one that was added first.
    void await(const ConsolePattern& pattern, std::size_t index);
    // Starts looking behind the last match that was taken. What was printed since then is looked
    // through at once: true if a match is there already.
    bool begin_search();
    // What was found. `final`: no byte will follow, so a match that only waited for its end counts.
    std::optional<Happened> found(bool final);
    // What found() tells, which is something; the reading position moves behind it.
    ConsoleMatch take();
    void end_search();

    // The text still held, and where it begins in the whole output.
    std::string_view text() const { return {text_.data(), text_.size() - 1}; }
    std::uint64_t dropped() const { return dropped_; }
    // Raw bytes written so far, dropped ones and carriage returns included.
    std::uint64_t bytes_written() const { return bytes_written_; }

    struct Line {
        Nanoseconds time = 0;  // of its first byte
        std::string_view text;
    };
    // The lines still held; the last may be incomplete. Valid until the next append.
    std::vector<Line> lines() const;
    // The end of the output, at most `count` lines: what an error message shows.
    std::string tail(std::size_t count) const;

private:
    void push(char byte, Nanoseconds time);
    void truncate(std::size_t size);
    void scan(bool final);
    void trim();

    std::string text_;                // ends with ConsolePattern::kEndOfOutput
    std::vector<Nanoseconds> times_;  // of each byte of text_
    std::size_t line_start_ = 0;
    std::size_t position_ = 0;  // everything before it has been read by an expect
    std::uint64_t dropped_ = 0;
    std::uint64_t bytes_written_ = 0;

    std::vector<std::pair<const ConsolePattern*, std::size_t>> awaited_;
    std::optional<ConsolePattern::Result> found_;
    std::size_t found_by_ = 0;  // which of awaited_
    Nanoseconds found_time_ = 0;
};

}  // namespace hvlab
