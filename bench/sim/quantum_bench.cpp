// SPDX-License-Identifier: GPL-2.0-or-later
//
// How much faster than real time the quantum fidelity is: 64 pCPUs, 256 VMs that always want one,
// slices of 1 ms, so 64,000 slice ends a simulated second. `times_real` is to be at least 100.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "sim/hosts/quantum_host.h"

namespace hvlab::sim {
namespace {

class NoOutbox final : public Outbox {
public:
    unsigned thread() const override { return 0; }
    void send(Time, ProcessId, Duration, std::uint32_t, std::uint32_t, std::uint64_t) override {}
};

// Computes for ever.
class Busy final : public Workload {
public:
    void start(Guest& guest) const override {
        for (int vcpu = 0; vcpu < guest.vcpus(); ++vcpu) guest.compute(vcpu, 1000 * kSecond);
    }
    void done(Guest& guest, int vcpu) const override { guest.compute(vcpu, 1000 * kSecond); }
};

// Computes and idles for 1 ms on average.
class Bursts final : public Workload {
public:
    void start(Guest& guest) const override { done(guest, 0); }
    void done(Guest& guest, int /*vcpu*/) const override {
        guest.set_timer(Guest::kVm, guest.now() + draw(guest));
    }
    void timer(Guest& guest, int /*vcpu*/) const override { guest.compute(0, draw(guest)); }

private:
    static Duration draw(Guest& guest) {
        return 1 + static_cast<Duration>(1e6 * guest.stream().exponential());
    }
};

Values values_of(const std::string& scheduler) {
    Values values;
    values.set("slice", std::int64_t{kMillisecond});
    if (scheduler == "eevdf") {
        values.set("balance", 10 * kMillisecond);
        values.set("preempt", true);
    }
    return values;
}

struct Bench {
    HostGroup group;
    VmGroup vm;
    std::unique_ptr<QuantumHost> host;

    Bench(const std::string& scheduler, const Workload& workload, int threads) {
        group.sockets = 2;
        group.threads = threads;
        group.cores = 32 / threads;
        std::vector<HostedVm> vms;
        vms.reserve(256);
        for (std::uint32_t i = 0; i < 256; ++i) {
            vms.push_back({.group = &vm,
                           .workload = &workload,
                           .group_number = 0,
                           .number = i,
                           .stream_key = i});
        }
        host = std::make_unique<QuantumHost>(
            group, vms,
            QuantumPolicy{.name = scheduler,
                          .scheduler = find_scheduler(scheduler)->make(values_of(scheduler)),
                          .work_conserving = true},
            1, HostOptions{});
    }
};

void run(benchmark::State& state, const std::string& scheduler, const Workload& workload,
         int threads) {
    Bench bench(scheduler, workload, threads);
    NoOutbox outbox;
    constexpr Duration kStep = 100 * kMillisecond;
    Time end = kSecond;  // past the start
    bench.host->advance(end, outbox);
    std::uint64_t events = 0;
    Duration simulated = 0;
    for (auto _ : state) {
        end += kStep;
        simulated += kStep;
        events += bench.host->advance(end, outbox).events;
    }
    state.counters["events"] =
        benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
    state.counters["times_real"] =
        benchmark::Counter(static_cast<double>(simulated) / kSecond, benchmark::Counter::kIsRate);
}

void BM_EevdfBusy(benchmark::State& state) {
    run(state, "eevdf", Busy(), 1);
}
void BM_EevdfBusySmt(benchmark::State& state) {
    run(state, "eevdf", Busy(), 2);
}
void BM_EevdfBursts(benchmark::State& state) {
    run(state, "eevdf", Bursts(), 1);
}
void BM_RoundRobinBusy(benchmark::State& state) {
    run(state, "round-robin", Busy(), 1);
}
void BM_RoundRobinBursts(benchmark::State& state) {
    run(state, "round-robin", Bursts(), 1);
}
BENCHMARK(BM_EevdfBusy);
BENCHMARK(BM_EevdfBusySmt);
BENCHMARK(BM_EevdfBursts);
BENCHMARK(BM_RoundRobinBusy);
BENCHMARK(BM_RoundRobinBursts);

}  // namespace
}  // namespace hvlab::sim
