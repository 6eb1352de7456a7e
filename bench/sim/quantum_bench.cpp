// SPDX-License-Identifier: GPL-2.0-or-later
//
// How much faster than real time the quantum fidelity is, under each scheduler: 64 pCPUs, 256
// vCPUs, slices of 1 ms, so 64,000 slice ends a simulated second if all are busy. `times_real` is
// to be at least 100 (busy).
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/sim/ours/quantum_values.h"
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

// 256 vCPUs, in VMs of so many each.
struct Bench {
    HostGroup group;
    VmGroup vm;
    std::unique_ptr<QuantumHost> host;

    Bench(const SchedulerKind& kind, const Workload& workload, int threads, int vcpus) {
        group.sockets = 2;
        group.threads = threads;
        group.cores = 32 / threads;
        vm.vcpus = vcpus;
        std::vector<HostedVm> vms;
        vms.reserve(256);
        for (std::uint32_t i = 0; i < 256U / static_cast<std::uint32_t>(vcpus); ++i) {
            vms.push_back({.group = &vm,
                           .workload = &workload,
                           .group_number = 0,
                           .number = i,
                           .stream_key = i});
        }
        const Values values = bench_sim::quantum_values(kind.name);
        host = std::make_unique<QuantumHost>(
            group, vms,
            QuantumPolicy{.name = std::string(kind.name),
                          .scheduler = kind.make(values),
                          .work_conserving = promises(kind, values).work_conserving},
            1, HostOptions{});
    }
};

template <typename Load>
void run(benchmark::State& state, const SchedulerKind& kind, int threads, int vcpus) {
    const Load workload;
    Bench bench(kind, workload, threads, vcpus);
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

const bool registered = [] {
    for (const SchedulerKind* kind : scheduler_kinds()) {
        const auto add = [kind](const char* load, auto run, int threads, int vcpus) {
            const std::string name = std::string(kind->name) + "/" + load;
            benchmark::RegisterBenchmark(
                name.c_str(), [=](benchmark::State& state) { run(state, *kind, threads, vcpus); });
        };
        add("busy", run<Busy>, 1, 1);
        add("busy_smt", run<Busy>, 2, 1);
        add("busy_vms_of_4", run<Busy>, 1, 4);
        add("bursts", run<Bursts>, 1, 1);
    }
    return true;
}();

}  // namespace
}  // namespace hvlab::sim
