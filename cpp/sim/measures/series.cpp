// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/series.h"

#include <algorithm>
#include <array>

#include "core/base/status.h"

namespace hvlab::sim {

namespace {

constexpr std::string_view kTag = "series";
constexpr std::uint32_t kVersion = 2;
// What is added to it has room in 63 bits.
constexpr std::int64_t kMostSum = std::int64_t{1} << 61;
constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 32;

constexpr std::array kMembers = {&Sample::run,       &Sample::ready, &Sample::costop,
                                 &Sample::throttled, &Sample::idle,  &Sample::responses,
                                 &Sample::latency};
static_assert(sizeof(Sample) == kMembers.size() * sizeof(std::int64_t));

}  // namespace

Sample& Sample::operator+=(const Sample& other) {
    for (const auto member : kMembers) this->*member += other.*member;
    return *this;
}

Series::Series(Time start, Time end, Duration interval, std::size_t groups)
    : start_(start), end_(end), interval_(interval), groups_(groups) {
    const std::uint64_t count = samples(start, end, interval, groups);
    HVLAB_ASSERT(count <= kMostSamples);
    samples_.resize(count);
}

std::uint64_t Series::samples(Time start, Time end, Duration interval, std::size_t groups) {
    HVLAB_ASSERT(start >= 0 && start < end && interval > 0 && groups > 0);
    const auto intervals = static_cast<std::uint64_t>((end - start - 1) / interval + 1);
    std::uint64_t count = 0;
    return __builtin_mul_overflow(intervals, groups, &count) ? ~std::uint64_t{0} / sizeof(Sample)
                                                             : count;
}

void Series::merge(const Series& other) {
    HVLAB_ASSERT(start_ == other.start_ && end_ == other.end_ && interval_ == other.interval_ &&
                 groups_ == other.groups_);
    for (std::size_t i = 0; i < samples_.size(); ++i) samples_[i] += other.samples_[i];
}

Time Series::end_of(std::size_t interval) const {
    return interval + 1 == intervals() ? end_ : begin_of(interval + 1);
}

void Series::save(StateWriter& writer) const {
    writer.begin(kTag, kVersion);
    writer.put(start_);
    writer.put(end_);
    writer.put(interval_);
    writer.put(static_cast<std::uint64_t>(groups_));
    for (const Sample& sample : samples_) {
        for (const auto member : kMembers) writer.put(sample.*member);
    }
}

void Series::load(StateReader& reader) {
    reader.begin(kTag, kVersion);
    reader.get_in<Time>(start_, start_, "start of a series");
    reader.get_in<Time>(end_, end_, "end of a series");
    reader.get_in<Duration>(interval_, interval_, "interval of a series");
    reader.get_in<std::uint64_t>(groups_, groups_, "groups of a series");
    std::vector<Sample> loaded(samples_.size());
    for (Sample& sample : loaded) {
        for (const auto member : kMembers) {
            sample.*member = reader.get_in(-kMostSum, kMostSum, "sum of a series");
        }
    }
    samples_ = std::move(loaded);
}

}  // namespace hvlab::sim
