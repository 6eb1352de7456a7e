// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

// A set of pCPUs of a host: a bit each.
class PcpuSet {
public:
    explicit PcpuSet(int pcpus = 0) : words_((static_cast<std::size_t>(pcpus) + 63) / 64) {}

    void add(PcpuId pcpu) { words_[word(pcpu)] |= bit(pcpu); }
    void remove(PcpuId pcpu) { words_[word(pcpu)] &= ~bit(pcpu); }
    bool has(PcpuId pcpu) const { return (words_[word(pcpu)] & bit(pcpu)) != 0; }

    // The lowest one >= `from` (>= 0), or kNone.
    PcpuId from(PcpuId from) const {
        std::size_t i = word(from);
        if (i >= words_.size()) return kNone;
        std::uint64_t bits = words_[i] & (~std::uint64_t{0} << (from % 64));
        while (bits == 0) {
            if (++i == words_.size()) return kNone;
            bits = words_[i];
        }
        return static_cast<PcpuId>(i * 64) + std::countr_zero(bits);
    }

private:
    static std::size_t word(PcpuId pcpu) { return static_cast<std::size_t>(pcpu) / 64; }
    static std::uint64_t bit(PcpuId pcpu) { return std::uint64_t{1} << (pcpu % 64); }

    std::vector<std::uint64_t> words_;
};

}  // namespace hvlab::sim
