// SPDX-License-Identifier: GPL-2.0-or-later
// The model on our fluid fidelity, with all that it measures: ledgers of VMs and hosts, latency
// histograms, and a time series of every 10 s.
#include <utility>

#include "bench/sim/ours/digest.h"
#include "bench/sim/peers/model.h"
#include "sim/cluster/cluster.h"

namespace bench_sim {
namespace {

using namespace hvlab::sim;

// After it, all VMs have done: with 10 bursts they need 21 s, +- 5 s.
Time end_of(const Options& options) {
    return Time{options.bursts} * 12 * kSecond;
}

Description description(const Options& options) {
    Values values;
    const Distribution second{Distribution::Shape::kExponential, kSecond};
    values.set("think", second);
    values.set("service", second);
    values.set("requests", std::int64_t{options.bursts});

    HostGroup host;
    host.name = "host";
    host.count = options.hosts();
    host.cores = kCores;
    host.scheduler.name = "round-robin";  // which the fluid fidelity has no use for
    VmGroup vm;
    vm.name = "vm";
    vm.count = options.vms;
    vm.workload = {"closed", std::move(values)};
    return {.hosts = {host}, .vms = {vm}, .seed = options.seed, .fidelity = Fidelity::kFluid};
}

Result run(const Options& options) {
    Cluster cluster(
        description(options),
        {.until = end_of(options), .resolution = 10 * kSecond, .threads = options.threads});
    Result result;
    const Stopwatch watch;
    cluster.run({});
    watch.stop(result);

    Duration latency = 0;
    for (std::uint32_t number = 0; number < options.hosts(); ++number) {
        const Host& host = cluster.host(number);
        for (std::size_t vm = 0; vm < host.vms(); ++vm) {
            const VmLedger ledger = host.vm_ledger(vm, cluster.now());
            result.events += static_cast<std::uint64_t>(ledger.arrivals + ledger.responses);
            latency += ledger.latency;
        }
    }
    result.response_seconds = static_cast<double>(latency) / kSecond;
    result.peak_bytes = peak_bytes();
    result.digest = digest(cluster);
    return result;
}

}  // namespace
}  // namespace bench_sim

int main(int argc, char** argv) {
    using namespace bench_sim;
    return program(argc, argv, {"--threads"},
                   [](const Options& options) { return report(options, run(options)); });
}
