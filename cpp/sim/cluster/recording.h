// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/state_io.h"
#include "sim/hosts/host.h"
#include "sim/measures/histogram.h"
#include "sim/measures/series.h"

namespace hvlab::sim {

Sample sample_of(const VmLedger& sums);

// Latencies and time series of a cluster's groups. Each thread writes its own part; readers merge
// them, when no thread runs. All of it is integers, so the parts' number does not show.
class Recording final : public Recorder {
public:
    // `resolution` 0: no series.
    Recording(std::size_t groups, Time until, Duration resolution, unsigned threads);

    void response(unsigned thread, std::uint32_t group, Duration latency) override {
        parts_[thread].latency[group].record(latency);
    }
    void sample(unsigned thread, std::uint32_t group, std::int64_t index,
                const VmLedger& sums) override;

    std::size_t groups() const { return groups_; }
    Histogram latency(std::size_t group) const;
    std::optional<Series> series() const;

    // Bytes that one takes.
    static std::uint64_t size(std::size_t groups, Time until, Duration resolution,
                              unsigned threads);

    // The parts are saved as one: a run may go on with another number of threads.
    void save(StateWriter& writer) const;
    void load(StateReader& reader);

private:
    struct alignas(64) Part {
        std::vector<Histogram> latency;  // by group
        std::optional<Series> series;
    };

    std::size_t groups_;
    std::vector<Part> parts_;
};

}  // namespace hvlab::sim
