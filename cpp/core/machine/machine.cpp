// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/machine.h"
#include "core/devices/micro_ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "core/machine/attached_device.h"
#include "core/machine/vcpu_port.h"

namespace hvlab {

namespace {

std::string describe(const UnhandledAccess& access) {
    if (access.kind == UnhandledAccess::Kind::kFetch) {
        return fmt::format("instruction fetch from {:#x}, where there is no memory",
                           access.address);
    }
    const char* what =
        access.kind == UnhandledAccess::Kind::kPort ? "port" : "guest-physical address";
    if (access.write) {
        return fmt::format("write of {:#x} ({} bytes) to {} {:#x}, where nothing answers",
                           access.value, access.size, what, access.address);
    }
    return fmt::format("read of {} bytes from {} {:#x}, where nothing answers", access.size, what,
                       access.address);
}

void configure(Platform::Config& platform, const FirmwareSetup& firmware) {
    const std::uint64_t size = firmware.rom.size();
    platform.drives = firmware.drives;
    platform.firmware_files = firmware.files;
    platform.rom.push_back({.address = kPciHoleEnd - size, .size = size});
    if (!firmware.window_writable) {
        platform.rom.push_back(
            {.address = kRomWindowEnd - firmware.window, .size = firmware.window});
    }
}

}  // namespace

// Guest time goes on while a machine runs.
class Machine::Running {
public:
    explicit Running(Machine& machine) : machine_(machine) { machine.clock_->resume(); }
    ~Running() {
        const GuestClock& clock = *machine_.clock_;
        machine_.clock_->pause();
        machine_.recent_.settle([&clock](std::uint64_t stamp) { return clock.time_of(stamp); });
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    Machine& machine_;
};

// What the devices report, turned into output, records and stops.
class Machine::Events final : public PlatformEvents {
public:
    explicit Events(Machine& machine) : machine_(machine) {}

    void console_output(std::uint8_t byte) override {
        const Nanoseconds now = machine_.now();
        if (machine_.observer_ != nullptr) machine_.observer_->console_output(now, byte);
        if (machine_.search_->printed(byte, now)) machine_.matched();
    }

    void port_output(std::uint16_t port, std::uint32_t value) override {
        if (machine_.observer_ != nullptr) {
            machine_.observer_->port_output(machine_.now(), port, value);
        }
    }

    void screen_written(std::uint64_t offset, unsigned size, std::uint64_t value) override {
        const Nanoseconds now = machine_.now();
        if (machine_.observer_ != nullptr) {
            machine_.observer_->screen_output(now, offset, size, value);
        }
        if (machine_.search_->screen_written(offset, size, now)) machine_.matched();
    }

    void screen_layout_changed() override {
        if (machine_.search_->screen_layout_changed(machine_.now())) machine_.matched();
    }

    void debug_exit(std::uint32_t value) override {
        Stop& stop =
            machine_.request(StopReason::kDebugExit,
                             fmt::format("the guest left by debug-exit with code {}", value));
        stop.code = value;
    }

    void guest_report(std::uint32_t kind) override {
        port_output(MicroPorts::kPort + MicroPorts::kReport, kind);
        machine_.take_report(kind);
    }

    void doorbell(std::uint32_t value) override {
        port_output(MicroPorts::kPort + MicroPorts::kDoorbell, value);
        Stop& stop = machine_.request(StopReason::kDoorbell,
                                      fmt::format("the guest rang the doorbell with {}", value));
        stop.code = value;
    }

    void reset_requested(const char* source) override {
        machine_.request(StopReason::kReset,
                         fmt::format("the guest asked for a reset ({})", source));
    }

    void interrupt_line_changed(bool level) override { machine_.vcpu_->set_interrupt_line(level); }

    // Memory cannot be mapped anew under a running vCPU: the next instruction sees it.
    void a20_changed() override {
        if (machine_.in_vcpu_) machine_.vcpu_->request_stop();
    }

private:
    Machine& machine_;
};

Machine::Machine(const MachineConfig& config, Backend& backend, Nanoseconds start)
    : config_(config),
      backend_name_(backend.name()),
      cpu_model_(CpuModel::named(config.cpu_model)),
      memory_(config.memory_size),
      events_(std::make_unique<Events>(*this)),
      port_(std::make_unique<VcpuPort>(*this)),
      guest_random_(config.seed.child("cpu-random")) {
    std::optional<FirmwareSetup> firmware;
    if (const auto* disk = std::get_if<DiskBoot>(&config_.boot)) {
        firmware = prepare_disk_boot(*disk, memory_);
    }
    vm_ = backend.create_vm(cpu_model_);
    ram_map_ = std::make_unique<RamMap>(*vm_, memory_);
    if (firmware) map_rom(*firmware);
    vcpu_ = vm_->create_vcpu(0, *port_);
    clock_ = GuestClock::of(*vcpu_, timeline_, start, backend_name_);
    timeline_.set_source(clock_.get());
    memory_.set_write_listener(
        [this](GuestAddress address, std::uint64_t size) { vm_->host_wrote(address, size); });
    Platform::Config platform{.memory_size = memory_.size(),
                              .micro = std::holds_alternative<MicroImage>(config_.boot)};
    if (firmware) configure(platform, *firmware);
    platform_ = std::make_unique<Platform>(platform, timeline_, *events_);
    attach_devices();
    search_ = std::make_unique<Search>(console_, platform_->screen());
    platform_->ports().set_unclaimed_listener(port_.get());
    platform_->memory_map().set_unclaimed_listener(port_.get());
    vcpu_->set_state(load_boot(firmware ? &*firmware : nullptr));
}

Machine::~Machine() = default;

std::optional<std::uint64_t> Machine::instructions() const {
    return clock_->instructions();
}

void Machine::set_max_slice(std::uint64_t instructions) {
    if (!clock_->instructions()) {
        throw BackendError(backend_name_, "run in slices of instructions", 0,
                           "the backend does not count instructions");
    }
    max_slice_ = instructions;
}

void Machine::interrupt() {
    interrupted_.store(true);
    vcpu_->kick();
    clock_->wake();
}

// Of something that comes from outside, between runs: at the time at which it stands.
void Machine::note(RecentEvent::Kind kind, std::uint64_t value) {
    recent_.note(kind, static_cast<std::uint64_t>(now()), 0, value);
    recent_.settle([](std::uint64_t time) { return static_cast<Nanoseconds>(time); });
}

void Machine::send(std::span<const std::byte> bytes) {
    platform_->receive(bytes);
    note(RecentEvent::Kind::kInput, bytes.size());
    if (observer_ != nullptr) observer_->console_input(now(), bytes);
}

void Machine::type(std::span<const std::byte> scan_codes) {
    platform_->type(scan_codes);
    note(RecentEvent::Kind::kInput, scan_codes.size());
    if (observer_ != nullptr) observer_->keyboard_input(now(), scan_codes);
}

void Machine::raise_nmi() {
    vcpu_->raise_nmi();
    wake();
    halted_ = false;
    note(RecentEvent::Kind::kNmi);
    if (observer_ != nullptr) observer_->nmi_raised(now());
}

Stop& Machine::request(StopReason reason, std::string message) {
    // The first of several in one instruction is the one that is told.
    if (!requested_) {
        requested_.emplace();
        requested_->reason = reason;
        requested_->message = std::move(message);
    }
    if (in_vcpu_) vcpu_->request_stop();
    return *requested_;
}

void Machine::matched() {
    request(StopReason::kMatch, "what was waited for happened");
}

// Whatever it was that kept the machine at its instruction may be over.
void Machine::wake() {
    if (!ended_) return;
    switch (ended_->reason) {
        case StopReason::kHalted:
        case StopReason::kUnhandledAccess:
        case StopReason::kError:
            ended_.reset();
            return;
        default:
            return;
    }
}

void Machine::set_cpu_state(const CpuState& state) {
    vcpu_->set_state(state);
    halted_ = state.halted;
    wake();
}

void Machine::unhandled(const UnhandledAccess& access) {
    ++unhandled_count_;
    if (config_.unhandled == UnhandledPolicy::kIgnore) return;
    Stop& stop = request(StopReason::kUnhandledAccess, describe(access));
    if (!stop.access) stop.access = access;
}

Stop Machine::stop_now(StopReason reason, std::string message) const {
    return completed({.reason = reason, .message = std::move(message)});
}

std::uint64_t Machine::rip() const {
    const auto* registers = vcpu_->capability<GeneralRegisters>();
    return registers != nullptr ? registers->registers().rip : vcpu_->state().rip;
}

Stop Machine::completed(Stop stop) const {
    stop.machine = config_.name;
    stop.time = now();
    stop.instructions = instructions();
    stop.rip = rip();
    return stop;
}

bool Machine::is_end(const Stop& stop) const {
    switch (stop.reason) {
        case StopReason::kReset:
        case StopReason::kTripleFault:
        case StopReason::kError:
            return true;
        case StopReason::kHalted:
            return !vcpu_->interrupt_window();
        case StopReason::kUnhandledAccess:  // only the fetch will be tried again
            return stop.access->kind == UnhandledAccess::Kind::kFetch;
        default:
            return false;
    }
}

// Only of what the guest did: how a run is cut into pieces from outside would fill the list.
void Machine::note_stop(const Stop& stop) {
    switch (stop.reason) {
        case StopReason::kMatch:
        case StopReason::kBudget:
        case StopReason::kDeadline:
        case StopReason::kWallDeadline:
        case StopReason::kInterrupted:
            return;
        default:
            recent_.note(RecentEvent::Kind::kStop, clock_->stamp(), stop.rip,
                         static_cast<std::uint64_t>(stop.reason));
    }
}

void Machine::enter_halt() {
    if (!std::exchange(halted_, true)) recent_.note(RecentEvent::Kind::kHalt, clock_->stamp());
}

void Machine::leave_halt() {
    if (std::exchange(halted_, false)) recent_.note(RecentEvent::Kind::kWake, clock_->stamp());
}

Stop Machine::run(const RunLimits& limits) {
    if (ended_) return *ended_;
    if (limits.instructions && !clock_->instructions()) {
        throw BackendError(backend_name_, "run for a number of instructions", 0,
                           "the backend does not count instructions");
    }
    const Running running(*this);
    for (;;) {
        if (std::optional<Stop> stop = step(limits)) {
            Stop result = completed(std::move(*stop));
            if (is_end(result)) ended_ = result;
            note_stop(result);
            return result;
        }
    }
}

std::optional<Stop> Machine::step(const RunLimits& limits) {
    timeline_.fire_due();
    if (requested_) return std::exchange(requested_, std::nullopt);
    if (std::optional<Stop> stop = check_limits(limits)) return stop;

    const Exit exit = run_vcpu(limits);
    if (pending_exception_) {
        // What the same instruction completed is found again by the next search.
        if (requested_ && requested_->reason == StopReason::kMatch) requested_.reset();
        std::rethrow_exception(std::exchange(pending_exception_, nullptr));
    }
    if (requested_) return std::exchange(requested_, std::nullopt);
    return handle_exit(exit, limits);
}

std::optional<Stop> Machine::check_limits(const RunLimits& limits) {
    if (interrupted_.exchange(false)) {
        return Stop{.reason = StopReason::kInterrupted, .message = "the run was interrupted"};
    }
    if (limits.deadline && now() >= *limits.deadline) {
        return Stop{.reason = StopReason::kDeadline, .message = "guest time came to the deadline"};
    }
    if (limits.instructions && *clock_->instructions() >= *limits.instructions) {
        return Stop{.reason = StopReason::kBudget, .message = "the instruction budget is used up"};
    }
    if (!clock_->poll_due()) return std::nullopt;

    if (limits.poll) limits.poll();
    if (limits.wall_deadline && std::chrono::steady_clock::now() >= *limits.wall_deadline) {
        return Stop{.reason = StopReason::kWallDeadline,
                    .message = "the host's clock came to the deadline"};
    }
    return std::nullopt;
}

Exit Machine::run_vcpu(const RunLimits& limits) {
    struct Inside {
        explicit Inside(Machine& inside) : machine(inside) { machine.in_vcpu_ = true; }
        ~Inside() {
            machine.in_vcpu_ = false;
            machine.clock_->end_slice();
        }
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;
        Machine& machine;
    };
    ram_map_->set_a20(platform_->a20());
    GuestClock::Limits slice{
        .until = limits.deadline, .instructions = limits.instructions, .slice = max_slice_};
    if (const std::optional<Nanoseconds> next = timeline_.next_deadline()) {
        slice.until = std::min(slice.until.value_or(*next), *next);
    }
    const Budget budget = clock_->begin_slice(slice);
    const Inside inside(*this);
    return vcpu_->run(budget);
}

std::optional<Stop> Machine::handle_exit(const Exit& exit, const RunLimits& limits) {
    switch (exit.kind) {
        case ExitKind::kBudget:
        case ExitKind::kKicked:
        case ExitKind::kStopped:
            return std::nullopt;  // the next round looks at what there is to do
        case ExitKind::kHalted:
            return handle_halt(limits);
        case ExitKind::kTripleFault:
            return Stop{
                .reason = StopReason::kTripleFault,
                .message = fmt::format("triple fault at RIP {:#x}: the vCPU shut down", rip())};
        case ExitKind::kFetchFault: {
            ++unhandled_count_;
            const UnhandledAccess access{.kind = UnhandledAccess::Kind::kFetch,
                                         .address = exit.address};
            return Stop{.reason = StopReason::kUnhandledAccess,
                        .message = describe(access),
                        .access = access};
        }
        case ExitKind::kDebug:
            return std::nullopt;  // nobody here debugs
        case ExitKind::kInternal:
            return Stop{.reason = StopReason::kError,
                        .message = fmt::format("the {} backend cannot go on: {}", backend_name_,
                                               exit.detail)};
    }
    HVLAB_ASSERT(false && "unknown exit kind");
}

std::optional<Stop> Machine::handle_halt(const RunLimits& limits) {
    enter_halt();
    if (!vcpu_->interrupt_window()) {
        return Stop{.reason = StopReason::kHalted,
                    .message = "halted with interrupts off: only an NMI could wake it"};
    }
    std::optional<Nanoseconds> wake = timeline_.next_deadline();
    if (limits.deadline) wake = std::min(wake.value_or(*limits.deadline), *limits.deadline);
    if (!wake) {
        return Stop{.reason = StopReason::kHalted,
                    .message = "halted and no timer is armed: only input or an NMI could wake it"};
    }
    clock_->idle_until(*wake);
    return std::nullopt;
}

}  // namespace hvlab
