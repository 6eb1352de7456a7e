// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/cluster/footprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "core/base/status.h"
#include "sim/cluster/cluster.h"

namespace hvlab::sim {
namespace {

// Bytes: what a host, a VM, a vCPU and a pCPU take in each fidelity, under the scheduler that keeps
// most; for hosts of 16 VMs (cluster_test compares with the heap).
struct Costs {
    std::uint64_t host;
    std::uint64_t vm;
    std::uint64_t vcpu;
    std::uint64_t pcpu;
};
constexpr Costs kFluid{1024, 280, 40, 16};
constexpr Costs kQuantum{4096, 350, 200, 64};
constexpr std::uint64_t kPlaced = 40;  // a VM's place while VMs are placed on hosts
constexpr std::uint64_t kProcess = 16 << 20;

std::uint64_t read_number(const char* path, const std::string& label) {
    std::ifstream file(path);
    std::string word;
    std::uint64_t number = 0;
    if (label.empty()) return file >> number ? number : 0;
    while (file >> word) {
        if (word == label && file >> number) return number;
    }
    return 0;
}

std::string gib(std::uint64_t bytes) {
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1U << 30));
}

}  // namespace

std::uint64_t available_memory() {
    const std::uint64_t free = read_number("/proc/meminfo", "MemAvailable:") * 1024;
    const std::uint64_t limit = read_number("/sys/fs/cgroup/memory.max", "");
    const std::uint64_t used = read_number("/sys/fs/cgroup/memory.current", "");
    if (limit == 0) return free;
    const std::uint64_t left = limit > used ? limit - used : 0;
    return free == 0 ? left : std::min(free, left);
}

void require_memory(std::uint64_t needed, std::uint64_t limit) {
    const std::uint64_t most = limit != 0 ? limit : available_memory();
    if (most == 0 || needed <= most) return;
    throw ConfigError("memory", fmt::format("the run would take about {}, and {} {}", gib(needed),
                                            gib(most), limit != 0 ? "are allowed" : "are free"));
}

std::uint64_t Cluster::footprint(const Description& description, const RunOptions& options) {
    const Costs& costs = description.fidelity == Fidelity::kFluid ? kFluid : kQuantum;
    std::uint64_t bytes = kProcess;
    std::uint64_t hosts = 0;
    std::uint64_t vms = 0;
    for (const HostGroup& host : description.hosts) {
        hosts += static_cast<std::uint64_t>(host.count);
        bytes += static_cast<std::uint64_t>(host.count) *
                 (costs.host + costs.pcpu * static_cast<std::uint64_t>(host.pcpus()));
    }
    for (const VmGroup& vm : description.vms) {
        const auto vcpus = static_cast<std::uint64_t>(vm.vcpus);
        const std::uint64_t state = make_workload(vm)->state_size(vm.vcpus);
        vms += static_cast<std::uint64_t>(vm.count);
        bytes += static_cast<std::uint64_t>(vm.count) *
                 (costs.vm + kPlaced + costs.vcpu * vcpus + state);
    }
    return bytes + ResponseTimes::bytes(options.percentiles, hosts, vms) +
           Recording::size(description.vms.size(), options.until, options.resolution,
                           options.threads);
}

}  // namespace hvlab::sim
