// SPDX-License-Identifier: GPL-2.0-or-later
//
// The random numbers of a VM in lanes that never shift each other: what a vCPU draws does not
// depend on which of them is quicker, so two policies under one seed give each vCPU the same work.
#pragma once

#include <cstdint>

#include "sim/engine/stream.h"
#include "sim/workloads/guest.h"

namespace hvlab::sim {

// Where lane `number` >= 0 of Guest::stream begins: it has 2^40 numbers. A workload that uses lanes
// leaves Guest::stream itself alone.
constexpr std::uint64_t lane_start(int number) {
    return static_cast<std::uint64_t>(number) << 40;
}

// Draws from a lane and keeps in `drawn` how far it has come.
class Lane {
public:
    Lane(Guest& guest, std::uint64_t& drawn)
        : stream_(guest.stream().key(), drawn), drawn_(drawn) {}
    ~Lane() { drawn_ = stream_.drawn(); }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    Stream& stream() { return stream_; }

private:
    Stream stream_;
    std::uint64_t& drawn_;
};

}  // namespace hvlab::sim
