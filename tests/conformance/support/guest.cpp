// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/guest.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/cpu/cpu_model.h"

namespace hvlab::conformance {
namespace {

constexpr std::uint64_t kStubSize = 16;
constexpr unsigned kVectors = 256;
constexpr std::uint64_t kRunaway = 10'000'000;  // instructions
constexpr std::chrono::seconds kRunawayTime{20};

// Intel SDM vol. 3 table 6-1.
bool pushes_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

// Kicks a vCPU that has not come back in time.
class Watchdog {
public:
    explicit Watchdog(Vcpu& vcpu)
        : thread_([this, &vcpu] {
              std::unique_lock lock(mutex_);
              if (!done_.wait_for(lock, kRunawayTime, [this] { return stopped_; })) vcpu.kick();
          }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        done_.notify_one();
        thread_.join();
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

private:
    std::mutex mutex_;
    std::condition_variable done_;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace

Guest::Guest(const TestedBackend& backend)
    : vm(backend.create()->create_vm(CpuModel::named("x86-64-v2"))) {
    write_tables(ram);
    vm->map_memory(0, ram.bytes(), true);
    vm->map_memory(kHighRam, high.bytes(), true);
    vcpu = vm->create_vcpu(0, handler);
    counter = vcpu->capability<InstructionCounter>();
    handler.vcpu = vcpu.get();
    handler.counter = counter;
}

void Guest::load(std::span<const std::byte> code, GuestAddress at) {
    ram.put(at, code);
    vm->host_wrote(at, code.size());
}

void Guest::load(std::initializer_list<std::uint8_t> code, GuestAddress at) {
    load(std::as_bytes(std::span(code.begin(), code.size())), at);
}

void Guest::enter(Mode mode) {
    mode_ = mode;
    vcpu->set_state(state_in(mode, ram, reset_state(CpuModel::named("x86-64-v2").cpuid(1, 0).eax)));
}

void Guest::boot(std::span<const std::byte> code, Mode mode) {
    load(code);
    enter(mode);
}

void Guest::catch_everything() {
    for (unsigned vector = 0; vector < kVectors; ++vector) {
        const GuestAddress stub = kStubs + vector * kStubSize;
        load(CODE64("out 0xF4, al; hlt"), stub);
        set_gate({.vector = vector, .handler = stub});
    }
}

std::optional<Caught> Guest::caught() const {
    const CpuState now = vcpu->state();
    const std::uint64_t at = now.rip + (mode_ == Mode::kReal ? now.cs.base : 0) - kStubs;
    if (at >= kVectors * kStubSize) return std::nullopt;
    Caught found;
    found.vector = static_cast<unsigned>(at / kStubSize);
    const unsigned word = mode_ == Mode::kReal ? 2 : is_long(mode_) ? 8 : 4;
    auto pop = [&, offset = std::uint64_t{0}]() mutable {
        const std::uint64_t value = word == 2   ? stack<std::uint16_t>(offset)
                                    : word == 4 ? stack<std::uint32_t>(offset)
                                                : stack<std::uint64_t>(offset);
        offset += word;
        return value;
    };
    if (mode_ != Mode::kReal && pushes_error_code(found.vector)) {
        found.error_code = static_cast<std::uint32_t>(pop());
    }
    found.rip = pop();
    found.cs = static_cast<std::uint16_t>(pop());
    found.flags = pop();
    return found;
}

Exit Guest::run() {
    if (counter == nullptr) {
        const Watchdog watchdog(*vcpu);
        return vcpu->run({});
    }
    const Exit exit = vcpu->run({.instructions = kRunaway});
    EXPECT_NE(exit.kind, ExitKind::kBudget) << "a runaway guest at " << std::hex << rip();
    return exit;
}

void Guest::step(std::uint64_t instructions) {
    const std::uint64_t before = counter->retired();
    const Exit exit = vcpu->run({.instructions = instructions});
    ASSERT_EQ(exit.kind, ExitKind::kBudget)
        << to_string(exit.kind) << " " << exit.detail << " at " << std::hex << rip();
    ASSERT_EQ(counter->retired(), before + instructions);
}

void Guest::finish() {
    const Exit exit = run();
    ASSERT_EQ(exit.kind, ExitKind::kStopped)
        << to_string(exit.kind) << " " << exit.detail << " at " << std::hex << rip();
}

void Guest::set(Gpr reg, std::uint64_t value) {
    change([=](CpuState& state) { state.gpr[reg] = value; });
}

PageBitmap Guest::fetch_dirty() {
    PageBitmap log((kHighRam + kHighRamSize) / kPageSize);
    vm->fetch_and_clear_dirty(log);
    return log;
}

}  // namespace hvlab::conformance
