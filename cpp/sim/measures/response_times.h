// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/state_io.h"
#include "sim/engine/time.h"
#include "sim/measures/histogram.h"

namespace hvlab::sim {

// What has percentiles of its response times; each has those before it as well.
enum class Percentiles : std::uint8_t { kGroups, kHosts, kVms };

// "groups", "hosts", "vms"; nothing for other names.
std::optional<Percentiles> percentiles_of(std::string_view name);

// The response times on one host: of each of its VMs, of the host, or none at all (those of groups
// are counted elsewhere: recording.h). All memory is taken at once. One thread at a time.
class ResponseTimes {
public:
    ResponseTimes(Percentiles kept, std::size_t vms)
        : by_vm_(kept == Percentiles::kVms), histograms_(count(kept, 1, vms)) {}

    void record(std::size_t vm, Duration latency) {
        if (!histograms_.empty()) histograms_[by_vm_ ? vm : 0].record(latency);
    }

    // Of a VM, by its number on the host; nullptr if there are none of VMs.
    const CompactHistogram* vm(std::size_t vm) const { return by_vm_ ? &histograms_[vm] : nullptr; }
    // Of all of them; nothing if none is counted.
    std::optional<CompactHistogram> host() const;

    void save(StateWriter& writer) const;
    // Of as many VMs, with the same kept: StateError otherwise.
    void load(StateReader& reader);

    // Bytes that they take, for so many hosts and VMs.
    static std::uint64_t bytes(Percentiles kept, std::uint64_t hosts, std::uint64_t vms) {
        return count(kept, hosts, vms) * sizeof(CompactHistogram);
    }

private:
    static std::uint64_t count(Percentiles kept, std::uint64_t hosts, std::uint64_t vms) {
        return kept == Percentiles::kVms ? vms : kept == Percentiles::kHosts ? hosts : 0;
    }

    bool by_vm_;
    std::vector<CompactHistogram> histograms_;
};

}  // namespace hvlab::sim
