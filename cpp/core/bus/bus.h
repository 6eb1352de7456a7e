// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/units.h"
#include "core/bus/device.h"

namespace hvlab {

// The port space or the memory-mapped space: ranges to devices. Ranges do not overlap.
//
// An access that no range covers reads all ones and is dropped when writing, as on a bus where
// nobody answers. An access that straddles a range's edge, or that is not of 1, 2, 4 or 8 bytes, is
// split into bytes.
class AddressMap {
public:
    // Told of every access that no device covers.
    class UnclaimedListener {
    public:
        virtual ~UnclaimedListener() = default;
        virtual void unclaimed(std::uint64_t address, unsigned size, bool write,
                               std::uint64_t value) = 0;
    };

    // Throws ConfigError (field = the device's name) on overlap or an empty range. The device
    // outlives the map. `first_offset` is what the device sees for `start`: a device with several
    // ranges tells them apart by it.
    void add(std::uint64_t start, std::uint64_t size, Device& device,
             std::uint64_t first_offset = 0);

    // size 1-8. Guest-controlled address and value.
    std::uint64_t read(std::uint64_t address, unsigned size);
    void write(std::uint64_t address, unsigned size, std::uint64_t value);

    void set_unclaimed_listener(UnclaimedListener* listener) { unclaimed_ = listener; }

    struct Range {
        std::uint64_t start = 0;
        std::uint64_t size = 0;
        Device* device = nullptr;
        std::uint64_t first_offset = 0;
    };
    const std::vector<Range>& ranges() const { return ranges_; }

private:
    const Range* find(std::uint64_t address);
    bool touches_any(std::uint64_t address, unsigned size);
    std::uint64_t read_bytes(std::uint64_t address, unsigned size);
    void write_bytes(std::uint64_t address, unsigned size, std::uint64_t value);

    std::vector<Range> ranges_;  // sorted by start
    std::size_t last_ = 0;       // index of the range that served the last access
    UnclaimedListener* unclaimed_ = nullptr;
};

}  // namespace hvlab
