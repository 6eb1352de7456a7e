// SPDX-License-Identifier: GPL-2.0-or-later
//
// A memory map with every kind of neighbourhood in it, and a byte-by-byte model of what an access
// there must do. For checks of accesses that straddle an edge.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/conformance/support/guest.h"

namespace hvlab::conformance {

enum class Place : std::uint8_t { kRam, kRom, kNothing };

// Where two neighbourhoods meet: the linear address of the first byte behind the edge.
struct Edge {
    std::string name;
    std::uint64_t linear;
};

const std::vector<Edge>& edges();

// A long-mode guest with that memory map; RAM and ROM around each edge hold device_byte() of the
// inverted linear address, which tells them from what a device answers.
class EdgeGuest : public Guest {
public:
    explicit EdgeGuest(const TestedBackend& backend);
    ~EdgeGuest();
    EdgeGuest(const EdgeGuest&) = delete;
    EdgeGuest& operator=(const EdgeGuest&) = delete;

    struct Byte {
        Place place;
        GuestAddress physical;
        std::byte* host;  // null for a device
    };
    Byte at(std::uint64_t linear) const;
    // What a read of that byte must give.
    std::uint8_t value(std::uint64_t linear) const;

    // The bytes that the handler was asked for, or told of: address -> value. A byte that comes
    // twice, or an access of more than 8 bytes, fails the check.
    std::map<GuestAddress, std::uint8_t> handled(bool writes) const;

private:
    struct Region {
        GuestAddress physical;
        Ram ram;
        bool writable;
    };
    void map(GuestAddress physical, std::uint64_t size, bool writable);
    void fill(std::uint64_t edge);

    std::vector<Region> regions_;
};

}  // namespace hvlab::conformance
