// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/response_times.h"

#include <array>
#include <utility>

namespace hvlab::sim {
namespace {

constexpr std::array<std::pair<std::string_view, Percentiles>, 3> kNames{
    {{"groups", Percentiles::kGroups}, {"hosts", Percentiles::kHosts}, {"vms", Percentiles::kVms}}};

}  // namespace

std::optional<Percentiles> percentiles_of(std::string_view name) {
    for (const auto& [known, kept] : kNames) {
        if (known == name) return kept;
    }
    return std::nullopt;
}

std::optional<CompactHistogram> ResponseTimes::host() const {
    if (histograms_.empty()) return std::nullopt;
    CompactHistogram all;
    for (const CompactHistogram& each : histograms_) all.merge(each);
    return all;
}

void ResponseTimes::save(StateWriter& writer) const {
    writer.begin("response times", 1);
    writer.put<std::uint64_t>(histograms_.size());
    for (const CompactHistogram& each : histograms_) each.save(writer);
}

void ResponseTimes::load(StateReader& reader) {
    reader.begin("response times", 1);
    reader.get_in<std::uint64_t>(histograms_.size(), histograms_.size(),
                                 "number of histograms of response times");
    for (CompactHistogram& each : histograms_) each.load(reader);
}

}  // namespace hvlab::sim
