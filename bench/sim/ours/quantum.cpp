// SPDX-License-Identifier: GPL-2.0-or-later
// `sim_quantum SCHEDULER SECONDS`: a host of 64 cores with 256 vCPUs that always want one, in
// slices of 1 ms, for so many simulated seconds, with all that the quantum fidelity measures and a
// time series of every 100 ms. Prints a line of JSON.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

#include "bench/sim/ours/digest.h"
#include "bench/sim/ours/quantum_values.h"
#include "bench/sim/peers/model.h"
#include "sim/cluster/cluster.h"
#include "sim/schedulers/scheduler.h"

namespace bench_sim {
namespace {

using namespace hvlab::sim;

Description description(const std::string& scheduler) {
    HostGroup host;
    host.name = "host";
    host.sockets = 2;
    host.cores = 32;
    host.scheduler = {scheduler, quantum_values(scheduler)};

    Values busy;
    busy.set("think", Distribution{Distribution::Shape::kConstant, 1});
    busy.set("service", Distribution{Distribution::Shape::kConstant, 1000.0 * kSecond});
    VmGroup vm;
    vm.name = "vm";
    vm.count = 256;
    vm.workload = {"closed", std::move(busy)};
    return {.hosts = {host}, .vms = {vm}, .seed = 1, .fidelity = Fidelity::kQuantum};
}

int run(const std::string& scheduler, std::int64_t seconds) {
    Cluster cluster(description(scheduler),
                    {.until = seconds * kSecond, .resolution = 100 * kMillisecond});
    Result result;
    const Stopwatch watch;
    cluster.run({});
    watch.stop(result);
    const HostLedger ledger = cluster.host(0).host_ledger(cluster.now());
    fmt::print(
        "{{\"events\": {}, \"seconds\": {:.9g}, \"cpu_seconds\": {:.9g}, \"rate\": {:.9g}, "
        "\"simulated_seconds\": {}, \"switches\": {}, \"digest\": \"{}\"}}\n",
        cluster.events(), result.seconds, result.cpu_seconds,
        static_cast<double>(cluster.events()) / result.seconds, seconds, ledger.switches,
        digest(cluster));
    // 1000 slices a second on each pCPU, less the costs of switching.
    const double slices = 64'000.0 * static_cast<double>(seconds);
    if (std::abs(static_cast<double>(ledger.switches) / slices - 1) > 0.05) {
        fmt::print(stderr, "{} switches, not about {:.0f}: slices are not of 1 ms\n",
                   ledger.switches, slices);
        return 1;
    }
    return 0;
}

}  // namespace
}  // namespace bench_sim

int main(int argc, char** argv) try {
    const std::string_view text = argc == 3 ? argv[2] : "";
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds <= 0) {
        fmt::print(stderr, "usage: {} SCHEDULER SECONDS\n", argv[0]);
        return 2;
    }
    if (hvlab::sim::find_scheduler(argv[1]) == nullptr) {
        fmt::print(stderr, "{}: there is no scheduler '{}'\n", argv[0], argv[1]);
        return 2;
    }
    return bench_sim::run(argv[1], seconds);
} catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 2;
}
