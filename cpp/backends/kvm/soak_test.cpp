// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many signals at a running vCPU, and many machines. HVLAB_SOAK is how many of each, in hundredths
// of what `make test-long` does.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/run_signal.h"
#include "core/base/status.h"
#include "tests/conformance/support/guest.h"

namespace hvlab::kvm {
namespace {

using conformance::Guest;

constexpr unsigned kSignals = 10'000 * HVLAB_SOAK;
constexpr unsigned kMachines = 100 * HVLAB_SOAK;
constexpr unsigned kMachinesOfAThread = 10 * HVLAB_SOAK;

class Soak : public testing::Test {
protected:
    void SetUp() override {
        try {
            kept_ = std::make_unique<KvmBackend>();
            made_ = std::make_unique<KvmBackend>(KvmOptions{.keep_vms = false});
        } catch (const BackendUnavailable& error) {
            GTEST_SKIP() << error.what();
        }
    }
    // VMs that are used again, and such as are made anew.
    KvmBackend& kept() { return *kept_; }
    KvmBackend& made() { return *made_; }

private:
    std::unique_ptr<KvmBackend> kept_, made_;
};

// The guest counts in EAX and tells each number by one instruction.
class Counted {
public:
    explicit Counted(Guest& guest) : guest_(guest) {
        guest.handler.on_access = [this](const conformance::Access& access) {
            if (access.kind == conformance::Access::kPortWrite) {
                EXPECT_EQ(access.value, seen_ + 1) << "an exit was lost or made twice";
                seen_ = access.value;
            } else {
                ++reads_;
            }
            guest_.handler.accesses.clear();
        };
    }
    std::uint64_t seen() const { return seen_; }
    std::uint64_t reads() const { return reads_; }

private:
    Guest& guest_;
    std::uint64_t seen_ = 0;
    std::uint64_t reads_ = 0;
};

TEST_F(Soak, NoExitIsLostOrRepeatedUnderSignals) {
    Guest guest(conformance::sharing(kept()));
    Counted counted(guest);
    // A write and a read of a port, and one of a device's memory, for each number.
    guest.boot(
        CODE64("1: inc ebx; mov eax, ebx; out 0x80, eax; in eax, 0x60; mov ecx, [rdi]; jmp 1b"));
    guest.change([](CpuState& state) { state.gpr[kRdi] = conformance::kDevice; });
    const pthread_t runner = ::pthread_self();
    std::atomic<bool> done{false};
    std::thread storm([&] {
        // Kicks, signals as they come from a timer, and both at once.
        for (unsigned i = 0; i < kSignals; ++i) {
            if (i % 3 != 1) guest.vcpu->kick();
            if (i % 3 != 0) ::pthread_kill(runner, run_signal());
        }
        done = true;
        guest.vcpu->kick();
    });
    std::uint64_t kicked = 0;
    do {
        const Exit exit = guest.vcpu->run({});
        ASSERT_EQ(exit.kind, ExitKind::kKicked) << exit.detail;
        ++kicked;
        const Registers now = guest.vcpu->capability<GeneralRegisters>()->registers();
        // Between INC and OUT the guest is one ahead of what it has told.
        ASSERT_GE(now.gpr[kRbx], counted.seen());
        ASSERT_LE(now.gpr[kRbx], counted.seen() + 1);
    } while (!done);
    storm.join();
    EXPECT_GE(kicked, 1u);
    EXPECT_LE(2 * counted.seen() - counted.reads(), 2u);
    RecordProperty("kicked", std::to_string(kicked));
    RecordProperty("exits", std::to_string(counted.seen()));
}

struct Held {
    std::ptrdiff_t descriptors = 0;
    double memory = 0;  // MiB
};

Held held() {
    std::uint64_t size = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return {.descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}),
            .memory = static_cast<double>(resident) * kPageSize / (1024 * 1024)};
}

void live(KvmBackend& backend, conformance::Ram& ram) {
    conformance::Handler handler;
    std::unique_ptr<Vm> vm = backend.create_vm(CpuModel::named("x86-64-v2"));
    vm->map_memory(0, ram.bytes(), true);
    std::unique_ptr<Vcpu> vcpu = vm->create_vcpu(0, handler);
    handler.vcpu = vcpu.get();
    const std::span<const std::byte> code = CODE16("out 0xF4, al");
    ram.put(conformance::kEntry, code);
    CpuState state = reset_state();
    state.cs.base = state.cs.selector = 0;
    state.rip = conformance::kEntry;
    vcpu->set_state(state);
    ASSERT_EQ(vcpu->run({}).kind, ExitKind::kStopped);
}

TEST_F(Soak, MachinesLeaveNothingBehind) {
    conformance::Ram rams[2]{conformance::Ram(64 * kKiB), conformance::Ram(64 * kKiB)};
    const auto in_two_threads = [&](KvmBackend& backend, unsigned machines) {
        std::vector<std::thread> threads;
        for (conformance::Ram& ram : rams) {
            threads.emplace_back([&, machines] {
                for (unsigned i = 0; i < machines; ++i) live(backend, ram);
            });
        }
        for (std::thread& thread : threads) thread.join();
    };
    in_two_threads(kept(), 2);
    live(made(), rams[0]);
    KvmBackend::drop_kept_vms();
    const Held before = held();
    for (unsigned i = 0; i < kMachines; ++i) live(kept(), rams[0]);
    for (unsigned i = 0; i < kMachines / 10; ++i) live(made(), rams[0]);
    in_two_threads(kept(), kMachinesOfAThread);
    in_two_threads(made(), kMachinesOfAThread / 10 + 1);
    KvmBackend::drop_kept_vms();
    const Held after = held();
    EXPECT_EQ(after.descriptors, before.descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
    EXPECT_LE(after.memory - before.memory, 8.0) << "MiB";
#endif
}

}  // namespace
}  // namespace hvlab::kvm
