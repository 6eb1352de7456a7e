// SPDX-License-Identifier: GPL-2.0-or-later
#include <span>
#include <vector>

#include "core/base/state_io.h"
#include "sim/cluster/cluster.h"
#include "sim/engine/checkpoint.h"

namespace hvlab::sim {
namespace {

constexpr std::size_t kLongestHeader = std::size_t{1} << 30;

}  // namespace

void Cluster::save(const std::filesystem::path& path, const std::string& description) const {
    StateWriter header;
    header.begin("cluster", 1);
    header.put_bytes(std::as_bytes(std::span(description)));
    recording_.save(header);
    write_checkpoint(path, header.bytes(), *engine_);
}

std::string Cluster::saved_description(const std::filesystem::path& path) {
    const Checkpoint checkpoint(path);
    StateReader header(checkpoint.header());
    header.begin("cluster", 1);
    const std::vector<std::byte> bytes = header.get_bytes(kLongestHeader);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Cluster::restore(const std::filesystem::path& path) {
    Checkpoint checkpoint(path);
    if (checkpoint.processes() != hosts_.size()) {
        throw StateError("the checkpoint is of another cluster: it has another number of hosts");
    }
    StateReader header(checkpoint.header());
    header.begin("cluster", 1);
    header.get_bytes(kLongestHeader);
    recording_.load(header);
    checkpoint.restore(*engine_);
    for (const auto& host : hosts_) {
        if (host->now() > now()) throw StateError("a host stands after the end of what was run");
    }
    if (now() > options_.until) throw StateError("the checkpoint is of a longer run");
}

}  // namespace hvlab::sim
