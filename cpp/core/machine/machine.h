// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mapping.h"
#include "core/bus/timeline.h"
#include "core/hypervisor/hypervisor.h"
#include "core/machine/config.h"
#include "core/machine/console.h"
#include "core/machine/guest_clock.h"
#include "core/machine/observer.h"
#include "core/machine/platform.h"
#include "core/machine/ram_map.h"
#include "core/machine/recent_events.h"
#include "core/machine/search.h"
#include "core/machine/stop.h"
#include "core/memory/guest_memory.h"

namespace hvlab {

class AttachedDevice;

// Called now and then while a guest runs (every few milliseconds of host time), between two
// instructions: the place for signals. May throw; the machine stays usable.
using Poll = std::function<void()>;

// What a run may do before it comes back.
struct RunLimits {
    std::optional<Nanoseconds> deadline = {};        // guest time, absolute
    std::optional<std::uint64_t> instructions = {};  // retired instructions, absolute
    std::optional<std::chrono::steady_clock::time_point> wall_deadline = {};
    Poll poll = {};
};

// One virtual computer: memory, a vCPU, the PC platform around it, and its console. Used by one
// thread at a time; interrupt() alone is for any thread.
class Machine {
public:
    // Powered on at `start`. Throws ConfigError, BootError, BackendError, HostError.
    Machine(const MachineConfig& config, Backend& backend, Nanoseconds start = 0);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // Runs until a limit, or until the guest does something that ends a run. A search that was
    // begun ends it with kMatch. A machine that has ended stays so: every further run returns the
    // same stop.
    Stop run(const RunLimits& limits);

    // The stop after which the machine runs no more: a reset, a triple fault, an error of the
    // backend; or, until something from outside takes it away from there (an NMI, a new state), HLT
    // with interrupts off and a fetch from where there is no memory.
    const std::optional<Stop>& ended() const { return ended_; }

    // A stop that tells where the machine stands now.
    Stop stop_now(StopReason reason, std::string message) const;

    // Any thread: the run in progress, or else the next one, ends with kInterrupted.
    void interrupt();

    // Queues bytes for the guest's console input at the current guest time. Throws DeviceError when
    // more than 1 MiB waits to be read.
    void send(std::span<const std::byte> bytes);

    // Types on the guest's keyboard at the current guest time: scan codes of set 2. Throws
    // DeviceError when more than 4096 bytes would wait.
    void type(std::span<const std::byte> scan_codes);

    // A pulse on the vCPU's NMI pin at the current guest time: taken at the next boundary that lets
    // it through. One that waits is one, however often it was raised.
    void raise_nmi();

    // A hardware reset at the current guest time, between runs: CPU and devices as at power-on,
    // input that waited is gone; RAM, stuck bits, guest time and the count of instructions stay.
    // What is booted directly, and a firmware's copy in RAM, is put into memory anew, read again
    // from its file. Throws what the constructor throws, which leaves CPU and devices as they were.
    void reset();

    // What happened last, oldest first. Between runs.
    std::vector<RecentEvent> recent_events() const { return recent_.all(); }

    const std::string& name() const { return config_.name; }
    const MachineConfig& config() const { return config_; }
    std::string_view backend_name() const { return backend_name_; }

    Nanoseconds now() const { return timeline_.now(); }
    // Retired by all vCPUs since power-on; nothing where the backend cannot count.
    std::optional<std::uint64_t> instructions() const;

    GuestMemory& memory() { return memory_; }
    Vcpu& vcpu() { return *vcpu_; }
    Console& console() { return console_; }
    Platform& platform() { return *platform_; }
    const TextScreen& screen() const { return platform_->screen(); }
    Search& search() { return *search_; }

    // A bit of RAM from now on reads `value` whatever is written: by the guest, whose stores to its
    // page then come to us, or by the host (docs/design/stuck-bits.md). Between runs. Throws
    // ConfigError for what is no RAM or lies under a ROM, and for too many.
    void stick_bit(const GuestMemory::StuckBit& stuck);
    // False if it was not stuck.
    bool unstick_bit(GuestAddress address, std::uint8_t bit);

    void set_observer(MachineObserver* observer) { observer_ = observer; }

    // The vCPU comes back after that many instructions at the latest. Changes no result: it is
    // there to prove that. Throws BackendError where instructions are not counted.
    void set_max_slice(std::uint64_t instructions);

    // Between runs. Throws BackendError for what the backend cannot represent.
    void set_cpu_state(const CpuState& state);

    // A digest of RAM, CPU, devices and guest time: equal for two machines that are in the same
    // state.
    std::string state_hash() const;

    // Copies what must be equal for another machine of the same configuration to go on exactly as
    // this one would. Throws StateError from load, which leaves the machine unusable when it fails
    // half-way.
    std::vector<std::byte> save() const;
    void load(std::span<const std::byte> state);

    std::uint64_t unhandled_accesses() const { return unhandled_count_; }

private:
    class VcpuPort;
    class Running;
    class Events;

    void attach_devices();
    void map_rom(const FirmwareSetup& firmware);
    CpuState load_boot(const FirmwareSetup* firmware);
    Stop& request(StopReason reason, std::string message);
    void matched();
    void note(RecentEvent::Kind kind, std::uint64_t value = 0);
    void note_stop(const Stop& stop);
    void enter_halt();
    void leave_halt();
    void wake();
    bool is_end(const Stop& stop) const;
    void unhandled(const UnhandledAccess& access);
    void take_report(std::uint32_t kind);
    void save_stuck_bits(StateWriter& writer) const;
    void load_stuck_bits(StateReader& reader);
    bool write_stuck_page(GuestAddress address, unsigned size, std::uint64_t value);
    Stop completed(Stop stop) const;
    std::uint64_t rip() const;

    // The parts of a run: one round ends with a stop, or nothing and then comes the next.
    std::optional<Stop> step(const RunLimits& limits);
    std::optional<Stop> check_limits(const RunLimits& limits);
    Exit run_vcpu(const RunLimits& limits);
    std::optional<Stop> handle_exit(const Exit& exit, const RunLimits& limits);
    std::optional<Stop> handle_halt(const RunLimits& limits);

    const MachineConfig config_;
    const std::string backend_name_;
    const CpuModel& cpu_model_;
    GuestMemory memory_;
    std::optional<Mapping> rom_;  // below 4 GiB, where there is firmware
    Timeline timeline_;
    Console console_;
    MachineObserver* observer_ = nullptr;

    std::unique_ptr<Events> events_;
    std::unique_ptr<VcpuPort> port_;
    std::unique_ptr<Vm> vm_;
    std::unique_ptr<RamMap> ram_map_;
    std::unique_ptr<Vcpu> vcpu_;
    std::unique_ptr<GuestClock> clock_;
    std::unique_ptr<Platform> platform_;  // its devices reach the vCPU: they go first
    std::vector<std::unique_ptr<AttachedDevice>> attached_;  // go before what they are handed
    std::unique_ptr<Search> search_;

    RandomStream guest_random_;
    RecentEvents recent_;
    std::optional<Stop> requested_;  // by a device, in the run in progress
    std::optional<Stop> ended_;
    std::exception_ptr
        pending_exception_;  // thrown in a handler call, rethrown after the vCPU has returned
    std::atomic<bool> interrupted_{false};
    bool in_vcpu_ = false;
    bool halted_ = false;  // told so to recent_
    std::uint64_t unhandled_count_ = 0;
    std::uint64_t max_slice_ = Budget::kUnlimited;
};

}  // namespace hvlab
