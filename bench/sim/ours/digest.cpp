// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/sim/ours/digest.h"

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/base/hash.h"
#include "sim/cluster/tables.h"

namespace bench_sim {
namespace {

using hvlab::sim::Column;
using hvlab::sim::Table;
using hvlab::sim::Words;

template <typename T>
void add(hvlab::RecordHasher& hasher, const std::vector<T>& values) {
    hasher.update(std::as_bytes(std::span(values)));
}

void add(hvlab::RecordHasher& hasher, const Words& words) {
    add(hasher, words.rows);
    for (const std::string& word : words.words) {
        hasher.update(std::as_bytes(std::span(word)));
    }
}

}  // namespace

std::string digest(const hvlab::sim::Cluster& cluster) {
    hvlab::RecordHasher hasher;
    using namespace hvlab::sim;
    for (auto* const make : {vm_table, host_table, group_table, population_table, series_table,
                             latency_table, identity_table}) {
        const Table table = make(cluster);
        for (const Column& column : table.columns) {
            std::visit([&](const auto& values) { add(hasher, values); }, column.values);
        }
    }
    return hasher.digest_hex();
}

}  // namespace bench_sim
