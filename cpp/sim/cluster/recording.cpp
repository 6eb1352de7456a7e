// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/recording.h"

namespace hvlab::sim {

Recording::Recording(std::size_t groups, Time until, Duration resolution, unsigned threads)
    : groups_(groups), parts_(threads) {
    for (Part& part : parts_) {
        part.latency.resize(groups);
        if (resolution > 0) part.series.emplace(0, until, resolution, groups);
    }
}

Sample sample_of(const VmLedger& sums) {
    Sample sample;
    sample.run = sums.run;
    sample.ready = sums.ready;
    sample.costop = sums.costop;
    sample.throttled = sums.throttled;
    sample.idle = sums.idle;
    sample.responses = sums.responses;
    sample.latency = sums.latency;
    return sample;
}

void Recording::sample(unsigned thread, std::uint32_t group, std::int64_t index,
                       const VmLedger& sums) {
    parts_[thread].series->add(static_cast<std::size_t>(index), group, sample_of(sums));
}

Histogram Recording::latency(std::size_t group) const {
    Histogram result;
    for (const Part& part : parts_) result.merge(part.latency[group]);
    return result;
}

std::optional<Series> Recording::series() const {
    std::optional<Series> result = parts_.front().series;
    for (std::size_t i = 1; result && i < parts_.size(); ++i) result->merge(*parts_[i].series);
    return result;
}

std::uint64_t Recording::size(std::size_t groups, Time until, Duration resolution,
                              unsigned threads) {
    std::uint64_t part = groups * sizeof(Histogram);
    if (resolution > 0) part += Series::bytes(0, until, resolution, groups);
    return part * threads;
}

void Recording::save(StateWriter& writer) const {
    writer.begin("recording", 1);
    for (std::size_t group = 0; group < groups_; ++group) latency(group).save(writer);
    const std::optional<Series> merged = series();
    writer.put(merged.has_value());
    if (merged) merged->save(writer);
}

void Recording::load(StateReader& reader) {
    reader.begin("recording", 1);
    for (Part& part : parts_) {
        for (Histogram& histogram : part.latency) histogram.clear();
    }
    Part& first = parts_.front();
    for (Histogram& histogram : first.latency) histogram.load(reader);
    if (reader.get_bool() != first.series.has_value()) {
        throw StateError("recording: one has a time series, and the other has none");
    }
    if (first.series) first.series->load(reader);
}

}  // namespace hvlab::sim
