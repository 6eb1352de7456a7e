// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "core/machine/vcpu_port.h"

namespace hvlab {

namespace {

// Between two polls: about 3 ms of translated code, 30 ms at worst (nothing but memory-mapped
// accesses).
constexpr std::uint64_t kPollInstructions = 1'000'000;
// A guest that halts most of the time uses few instructions: its rounds are counted too.
constexpr unsigned kPollRounds = 1024;

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

// Guest time on a backend that counts: one nanosecond a retired instruction, and the time spent
// halted.
class Machine::TimeSource final : public Timeline::Source {
public:
    explicit TimeSource(Machine& machine) : machine_(machine) {}

    Nanoseconds now() const override {
        return static_cast<Nanoseconds>(machine_.retired()) + machine_.idle_time_;
    }

    void deadline_changed() override {
        if (!machine_.in_vcpu_) return;
        const Nanoseconds span =
            std::max<Nanoseconds>(*machine_.timeline_.next_deadline() - now(), 0);
        const std::uint64_t end = machine_.retired() + static_cast<std::uint64_t>(span);
        if (end < machine_.budget_end_) {
            machine_.budget_end_ = end;
            machine_.counter_->set_budget_end(end);
        }
    }

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
        if (machine_.console_.append(byte, now)) {
            machine_.request(StopReason::kMatch, "the console printed what was waited for");
        }
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
        if (machine_.screen_search_->written(offset, size, now)) screen_matched();
    }

    void screen_layout_changed() override {
        if (machine_.screen_search_->layout_changed(machine_.now())) screen_matched();
    }

    void debug_exit(std::uint32_t value) override {
        Stop& stop =
            machine_.request(StopReason::kDebugExit,
                             fmt::format("the guest left by debug-exit with code {}", value));
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
    void screen_matched() {
        machine_.request(StopReason::kMatch, "the screen shows what was waited for");
    }

    Machine& machine_;
};

Machine::Machine(const MachineConfig& config, Backend& backend, Nanoseconds start)
    : config_(config),
      backend_name_(backend.name()),
      cpu_model_(CpuModel::named(config.cpu_model)),
      memory_(config.memory_size),
      events_(std::make_unique<Events>(*this)),
      port_(std::make_unique<VcpuPort>(*this)),
      time_source_(std::make_unique<TimeSource>(*this)),
      guest_random_(config.seed.child("cpu-random")),
      idle_time_(start) {
    std::optional<FirmwareSetup> firmware;
    if (const auto* disk = std::get_if<DiskBoot>(&config_.boot)) {
        firmware = prepare_disk_boot(*disk, memory_);
    }
    vm_ = backend.create_vm(cpu_model_);
    ram_map_ = std::make_unique<RamMap>(*vm_, memory_);
    if (firmware) map_rom(*firmware);
    vcpu_ = vm_->create_vcpu(0, *port_);
    counter_ = vcpu_->capability<InstructionCounter>();
    if (counter_ == nullptr) {
        throw BackendError(backend_name_, "create a machine", 0,
                           "the backend does not count instructions, which guest time is made of");
    }
    timeline_.set_source(time_source_.get());
    memory_.set_write_listener(
        [this](GuestAddress address, std::uint64_t size) { vm_->host_wrote(address, size); });
    Platform::Config platform{.memory_size = memory_.size()};
    if (firmware) configure(platform, *firmware);
    platform_ = std::make_unique<Platform>(platform, timeline_, *events_);
    screen_search_ = std::make_unique<ScreenSearch>(platform_->screen());
    platform_->ports().set_unclaimed_listener(port_.get());
    platform_->memory_map().set_unclaimed_listener(port_.get());
    boot(firmware ? &*firmware : nullptr);
}

Machine::~Machine() = default;

std::optional<std::uint64_t> Machine::instructions() const {
    return counter_->retired();
}

void Machine::interrupt() {
    interrupted_.store(true);
    vcpu_->kick();
}

void Machine::send(std::span<const std::byte> bytes) {
    platform_->receive(bytes);
    if (observer_ != nullptr) observer_->console_input(now(), bytes);
}

void Machine::type(std::span<const std::byte> scan_codes) {
    platform_->type(scan_codes);
    if (observer_ != nullptr) observer_->keyboard_input(now(), scan_codes);
}

void Machine::raise_nmi() {
    vcpu_->raise_nmi();
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

void Machine::unhandled(const UnhandledAccess& access) {
    ++unhandled_count_;
    if (config_.unhandled == UnhandledPolicy::kIgnore) return;
    Stop& stop = request(StopReason::kUnhandledAccess, describe(access));
    if (!stop.access) stop.access = access;
}

Stop Machine::stop_now(StopReason reason, std::string message) const {
    return completed({.reason = reason, .message = std::move(message)});
}

Stop Machine::completed(Stop stop) const {
    stop.machine = config_.name;
    stop.time = now();
    stop.instructions = instructions();
    stop.rip = vcpu_->state().rip;
    return stop;
}

Stop Machine::run(const RunLimits& limits) {
    if (terminal_) return *terminal_;
    for (;;) {
        if (std::optional<Stop> stop = step(limits)) {
            Stop result = completed(std::move(*stop));
            if (result.reason == StopReason::kReset || result.reason == StopReason::kTripleFault) {
                terminal_ = result;
            }
            return result;
        }
    }
}

std::optional<Stop> Machine::step(const RunLimits& limits) {
    timeline_.fire_due();
    if (requested_) return std::exchange(requested_, std::nullopt);
    if (std::optional<Stop> stop = check_limits(limits)) return stop;

    ram_map_->set_a20(platform_->a20());
    const std::uint64_t before = retired();
    const Budget budget = next_budget(limits);
    budget_end_ = before + budget.instructions;
    in_vcpu_ = true;
    const Exit exit = vcpu_->run(budget);
    in_vcpu_ = false;

    const std::uint64_t used = retired() - before;
    until_poll_ -= std::min(until_poll_, used);
    --rounds_until_poll_;
    if (pending_exception_) std::rethrow_exception(std::exchange(pending_exception_, nullptr));
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
    if (limits.instructions && retired() >= *limits.instructions) {
        return Stop{.reason = StopReason::kBudget, .message = "the instruction budget is used up"};
    }
    if (until_poll_ > 0 && rounds_until_poll_ > 0) return std::nullopt;

    until_poll_ = kPollInstructions;
    rounds_until_poll_ = kPollRounds;
    if (limits.poll) limits.poll();
    if (limits.wall_deadline && std::chrono::steady_clock::now() >= *limits.wall_deadline) {
        return Stop{.reason = StopReason::kWallDeadline,
                    .message = "the host's clock came to the deadline"};
    }
    return std::nullopt;
}

Budget Machine::next_budget(const RunLimits& limits) const {
    const auto until = [this](Nanoseconds when) {
        return static_cast<std::uint64_t>(when - now());
    };
    Budget budget{.instructions = std::min(until_poll_, max_slice_)};
    const auto limit = [&budget](std::uint64_t count) {
        budget.instructions = std::min(budget.instructions, count);
    };
    if (const std::optional<Nanoseconds> next = timeline_.next_deadline()) limit(until(*next));
    if (limits.deadline) limit(until(*limits.deadline));
    if (limits.instructions) limit(*limits.instructions - retired());
    return budget;
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
            return Stop{.reason = StopReason::kTripleFault,
                        .message = fmt::format("triple fault at RIP {:#x}: the vCPU shut down",
                                               vcpu_->state().rip)};
        case ExitKind::kFetchFault: {
            ++unhandled_count_;
            const UnhandledAccess access{.kind = UnhandledAccess::Kind::kFetch,
                                         .address = exit.address};
            return Stop{.reason = StopReason::kUnhandledAccess,
                        .message = describe(access),
                        .access = access};
        }
        case ExitKind::kInternal:
            return Stop{.reason = StopReason::kError,
                        .message = fmt::format("the {} backend cannot go on: {}", backend_name_,
                                               exit.detail)};
    }
    HVLAB_ASSERT(false && "unknown exit kind");
}

std::optional<Stop> Machine::handle_halt(const RunLimits& limits) {
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
    idle_time_ += std::max<Nanoseconds>(*wake - now(), 0);
    return std::nullopt;
}

}  // namespace hvlab
