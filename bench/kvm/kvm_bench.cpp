// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the KVM backend costs beside the system calls that it makes: `kvm_bench FIGURE ROUNDS`
// prints samples, one round a line, the columns interleaved. bench/kvm_bench.py makes figures of
// them.
#include <fmt/format.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "backends/kvm/kvm_backend.h"
#include "core/base/status.h"
#include "core/host/host.h"
#include "core/machine/machine.h"
#include "core/machine/test_guest.h"
#include "kvm/raw_machine.h"
#include "tests/conformance/support/guest.h"

namespace hvlab {
namespace {

using conformance::Guest;
using conformance::Ram;
using Clock = std::chrono::steady_clock;

constexpr GuestAddress kAt = 0x1000;
constexpr unsigned kPortWrites = 2000;  // a round

double microseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

// Of this thread, in us: what a shared machine gives to others is not in it.
double cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

template <typename Action>
double cpu_cost(Action&& action) {
    const double begin = cpu_time();
    action();
    return cpu_time() - begin;
}

long checked(long result) {
    if (result < 0) {
        throw BackendError("raw", "run the raw machine", static_cast<int>(-result));
    }
    return result;
}

// Each round: one sample of every column, the first column another each time.
void rounds(int count, std::span<const std::function<double()>> columns) {
    std::vector<double> samples(columns.size());
    for (int round = 0; round < count; ++round) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::size_t column = (i + static_cast<std::size_t>(round)) % columns.size();
            samples[column] = columns[column]();
        }
        for (const double sample : samples) fmt::print("{:.4f} ", sample);
        fmt::print("\n");
    }
}

// ---- Creation: us to the first exit and us to destroy; raw, a VM used again, one made anew

void creation(int count) {
    constexpr std::array<std::uint8_t, 2> kLeave = {0xE6, 0xF4};
    Ram ram(1 * kMiB);
    ram.put(kAt, std::as_bytes(std::span(kLeave)));
    const int kvm = static_cast<int>(checked(raw_open()));
    KvmBackend keeps;
    KvmBackend makes({.keep_vms = false});
    double raw_end = 0, kept_end = 0, made_end = 0;

    const auto raw = [&] {
        raw_machine machine;
        const Clock::time_point begin = Clock::now();
        checked(raw_create(kvm, ram.bytes().data(), ram.size(), kAt, &machine));
        checked(raw_run(&machine));
        const Clock::time_point running = Clock::now();
        raw_destroy(&machine);
        raw_end = microseconds(Clock::now() - running);
        return microseconds(running - begin);
    };
    const auto ours = [&](Backend& backend, double& end) {
        conformance::Handler handler;
        const CpuModel& model = CpuModel::named("x86-64-v2");
        const Clock::time_point begin = Clock::now();
        std::unique_ptr<Vm> vm = backend.create_vm(model);
        vm->map_memory(0, ram.bytes(), true);
        std::unique_ptr<Vcpu> vcpu = vm->create_vcpu(0, handler);
        handler.vcpu = vcpu.get();
        CpuState state = reset_state();
        state.cs.base = state.cs.selector = 0;
        state.rip = kAt;
        vcpu->set_state(state);
        const Exit exit = vcpu->run({});
        HVLAB_ASSERT(exit.kind == ExitKind::kStopped);
        const Clock::time_point running = Clock::now();
        vcpu.reset();
        vm.reset();
        end = microseconds(Clock::now() - running);
        return microseconds(running - begin);
    };
    const std::function<double()> columns[] = {raw,
                                               [&] { return raw_end; },
                                               [&] { return ours(keeps, kept_end); },
                                               [&] { return kept_end; },
                                               [&] { return ours(makes, made_end); },
                                               [&] { return made_end; }};
    ours(keeps, kept_end);
    // A column and the end that it has measured go together.
    for (int round = 0; round < count; ++round) rounds(1, columns);
}

// ---- A write to a port: us each; raw, and through a machine to its null device

void port_exit(int count) {
    // mov cx, kPortWrites; 1: out 0x80, al; dec cx; jnz 1b; out 0xF4, al; jmp to the beginning
    std::vector<std::uint8_t> code = {
        0xB9, kPortWrites & 0xFF, kPortWrites >> 8, 0xE6, 0x80, 0x49, 0x75, 0xFB, 0xE6, 0xF4, 0xEB,
        0xF4};
    Ram ram(1 * kMiB);
    ram.put(kAt, std::as_bytes(std::span(code)));
    raw_machine raw;
    const int kvm = static_cast<int>(checked(raw_open()));
    checked(raw_create(kvm, ram.bytes().data(), ram.size(), kAt, &raw));
    KvmBackend backend;
    Machine machine(test_machine(TestImage(code)), backend);
    const std::function<double()> columns[] = {
        [&] { return cpu_cost([&] { checked(raw_run_until(&raw, 0xF4)); }) / (kPortWrites + 1); },
        [&] {
            return cpu_cost([&] {
                       const Stop stop = machine.run({});
                       HVLAB_ASSERT(stop.reason == StopReason::kDebugExit);
                   }) /
                   (kPortWrites + 1);
        }};
    rounds(1, columns);
    rounds(count, columns);
    raw_destroy(&raw);
}

// ---- A stop at a port: us; bare, and with the registers out and in

void registers(int count) {
    KvmBackend backend;
    Guest guest(conformance::sharing(backend));
    guest.boot(CODE64("1: out 0xF4, al; jmp 1b"));
    auto& general = *guest.vcpu->capability<GeneralRegisters>();
    constexpr int kStops = 500;
    const auto stops = [&](bool with_registers) {
        return cpu_cost([&] {
                   for (int i = 0; i < kStops; ++i) {
                       guest.vcpu->run({});
                       if (!with_registers) continue;
                       Registers all = general.registers();
                       ++all.gpr[kRbx];
                       general.set_registers(all);
                   }
               }) /
               kStops;
    };
    const std::function<double()> columns[] = {[&] { return stops(false); },
                                               [&] { return stops(true); }};
    rounds(1, columns);
    rounds(count, columns);
}

// ---- User-mode loops

// dec rcx; jnz, from `turns` down, in user mode with the I/O privilege to say that it has ended.
class UserLoop {
public:
    explicit UserLoop(KvmBackend& backend) : guest_(conformance::sharing(backend)) {}

    void prepare(std::uint64_t turns) {
        guest_.boot(CODE64("1: dec rcx; jnz 1b; out 0xF4, al"), conformance::Mode::kUser64);
        guest_.change([=](CpuState& state) {
            state.gpr[kRcx] = turns;
            state.rflags |= 0x3000;
        });
    }
    void run() {
        const Exit exit = guest_.vcpu->run({});
        if (exit.kind != ExitKind::kStopped || guest_.gpr(kRcx) != 0) {
            throw BackendError(
                "kvm", "run a loop", 0,
                fmt::format("{} {} at {:#x}", to_string(exit.kind), exit.detail, guest_.rip()));
        }
    }

private:
    Guest guest_;
};

void native_loop(std::uint64_t turns) {
    asm volatile(".p2align 6\n1: dec %0\njnz 1b" : "+r"(turns));
}

// us of CPU time; native, and in a guest
void user_mode(int count) {
    constexpr std::uint64_t kTurns = 100'000'000;
    KvmBackend backend;
    UserLoop loop(backend);
    const std::function<double()> columns[] = {
        [&] { return cpu_cost([&] { native_loop(kTurns); }); },
        [&] {
            loop.prepare(kTurns);
            return cpu_cost([&] { loop.run(); });
        }};
    rounds(count, columns);
}

// us; one machine, two machines in two threads, one native loop, two in two threads
void two_threads(int count) {
    constexpr std::uint64_t kTurns = 4'000'000;  // 1 ms: short enough to be left alone at times
    KvmBackend backend;
    UserLoop first(backend), second(backend);
    using Work = std::function<void()>;
    const auto alone = [](const Work& work) {
        const Clock::time_point begin = Clock::now();
        work();
        return microseconds(Clock::now() - begin);
    };
    const auto together = [](const Work& one, const Work& other) {
        std::atomic<int> ready{0};
        Clock::time_point begin[2], end[2];
        const auto take_part = [&](int index, const Work& work) {
            ++ready;
            while (ready < 2) {
            }
            begin[index] = Clock::now();
            work();
            end[index] = Clock::now();
        };
        std::thread thread([&] { take_part(1, other); });
        take_part(0, one);
        thread.join();
        return microseconds(std::max(end[0], end[1]) - std::min(begin[0], begin[1]));
    };
    const Work native = [] { native_loop(kTurns); };
    const Work guest_1 = [&] { first.run(); };
    const Work guest_2 = [&] { second.run(); };
    const auto prepare = [&] {
        first.prepare(kTurns);
        second.prepare(kTurns);
    };
    const std::function<double()> columns[] = {[&] {
                                                   prepare();
                                                   return alone(guest_1);
                                               },
                                               [&] {
                                                   prepare();
                                                   return together(guest_1, guest_2);
                                               },
                                               [&] { return alone(native); },
                                               [&] { return together(native, native); }};
    rounds(count, columns);
}

// ---- Host::run, us each: what Machine.run of Python calls

void machine_run(int count) {
    constexpr int kRuns = 500;
    KvmBackend backend;
    Host host(Seed(0));
    Machine& machine =
        host.create_machine(test_machine(TestImage({0xE6, 0xF4, 0xEB, 0xFC})), backend);
    const std::function<double()> columns[] = {[&] {
        return cpu_cost([&] {
                   for (int i = 0; i < kRuns; ++i) {
                       Host::Goal goal;
                       goal.machine = &machine;
                       goal.limits.poll = [] {};
                       goal.limits.deadline = machine.now() + 1'000'000'000;
                       host.run(goal);
                   }
               }) /
               kRuns;
    }};
    rounds(1, columns);
    rounds(count, columns);
}

}  // namespace
}  // namespace hvlab

int main(int argc, char** argv) {
    const std::pair<std::string_view, void (*)(int)> kFigures[] = {
        {"creation", hvlab::creation},       {"port-exit", hvlab::port_exit},
        {"registers", hvlab::registers},     {"user-mode", hvlab::user_mode},
        {"two-threads", hvlab::two_threads}, {"machine-run", hvlab::machine_run}};
    try {
        for (const auto& [name, measure] : kFigures) {
            if (argc != 3 || name != argv[1]) continue;
            const char* const end = argv[2] + std::strlen(argv[2]);
            int rounds = 0;
            const auto [read, error] = std::from_chars(argv[2], end, rounds);
            if (error != std::errc{} || read != end || rounds < 1) break;
            measure(rounds);
            return 0;
        }
    } catch (const hvlab::BackendUnavailable& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 77;  // as for automake and Meson: skipped
    }
    fmt::print(stderr, "kvm_bench FIGURE ROUNDS; figures:");
    for (const auto& each : kFigures) fmt::print(stderr, " {}", each.first);
    fmt::print(stderr, "\n");
    return 2;
}
