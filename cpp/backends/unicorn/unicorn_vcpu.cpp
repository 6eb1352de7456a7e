// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/unicorn/unicorn_vcpu.h"

#include <fmt/format.h>

#include <utility>

#include "backends/unicorn/unicorn_backend.h"
#include "backends/unicorn/unicorn_state.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

ExitKind exit_kind(vmm_exit reason) {
    switch (reason) {
        case VMM_EXIT_BUDGET:
            return ExitKind::kBudget;
        case VMM_EXIT_KICKED:
            return ExitKind::kKicked;
        case VMM_EXIT_STOPPED:
            return ExitKind::kStopped;
        case VMM_EXIT_HALTED:
            return ExitKind::kHalted;
        case VMM_EXIT_TRIPLE_FAULT:
            return ExitKind::kTripleFault;
        case VMM_EXIT_FETCH_FAULT:
            return ExitKind::kFetchFault;
        case VMM_EXIT_FAULT_STORM:
            return ExitKind::kInternal;
    }
    HVLAB_ASSERT(!"an exit that the engine does not have");
    return ExitKind::kInternal;
}

}  // namespace

// The engine's callbacks, handed on to the handler. Handlers promise not to throw; should one, the
// exception waits here until the engine has been left.
struct UnicornVcpu::Callbacks {
    static UnicornVcpu& vcpu(void* opaque) { return *static_cast<UnicornVcpu*>(opaque); }

    template <typename Result, typename Call>
    static Result guarded(void* opaque, Result fallback, Call&& call) noexcept {
        UnicornVcpu& self = vcpu(opaque);
        try {
            return call(self.handler_);
        } catch (...) {
            // run() rethrows it. Only the first is told: what else fails before the engine is left
            // (the next elements of one string instruction) comes of the same trouble.
            if (!self.error_) self.error_ = std::current_exception();
            self.request_stop();
            return fallback;
        }
    }

    static std::uint32_t port_read(void* opaque, std::uint16_t port, unsigned size) {
        return guarded(opaque, std::uint32_t{0},
                       [=](VcpuHandler& handler) { return handler.port_read(port, size); });
    }
    static void port_write(void* opaque, std::uint16_t port, unsigned size, std::uint32_t value) {
        guarded(opaque, true, [=](VcpuHandler& handler) {
            handler.port_write(port, size, value);
            return true;
        });
    }
    static std::uint64_t memory_read(void* opaque, std::uint64_t address, unsigned size) {
        return guarded(opaque, std::uint64_t{0},
                       [=](VcpuHandler& handler) { return handler.memory_read(address, size); });
    }
    static void memory_write(void* opaque, std::uint64_t address, unsigned size,
                             std::uint64_t value) {
        guarded(opaque, true, [=](VcpuHandler& handler) {
            handler.memory_write(address, size, value);
            return true;
        });
    }
    static int acknowledge_interrupt(void* opaque) {
        UnicornVcpu& self = vcpu(opaque);
        if (std::exchange(self.acknowledged_.pending, false)) {
            vmm_set_interrupt_line(self.engine_.get(), self.interrupt_line_);
            return int{std::exchange(self.acknowledged_, {}).vector};
        }
        return guarded(opaque, -1, [](VcpuHandler& handler) {
            const std::optional<std::uint8_t> vector = handler.acknowledge_interrupt();
            return vector ? int{*vector} : -1;
        });
    }
    static std::uint64_t time_stamp(void* opaque) {
        return guarded(opaque, std::uint64_t{0},
                       [](VcpuHandler& handler) { return handler.time_stamp(); });
    }
    static std::uint64_t random(void* opaque) {
        return guarded(opaque, std::uint64_t{0},
                       [](VcpuHandler& handler) { return handler.random(); });
    }
    static bool msr_read(void* opaque, std::uint32_t index, std::uint64_t* value) {
        return guarded(opaque, false, [=](VcpuHandler& handler) {
            const std::optional<std::uint64_t> read = handler.msr_read(index);
            if (read) *value = *read;
            return read.has_value();
        });
    }
    static bool msr_write(void* opaque, std::uint32_t index, std::uint64_t value) {
        return guarded(opaque, false,
                       [=](VcpuHandler& handler) { return handler.msr_write(index, value); });
    }
    static void cpuid(void* opaque, std::uint32_t leaf, std::uint32_t subleaf,
                      std::uint32_t result[4]) {
        const CpuidResult found = vcpu(opaque).model_.cpuid(leaf, subleaf);
        result[0] = found.eax;
        result[1] = found.ebx;
        result[2] = found.ecx;
        result[3] = found.edx;
    }

    static constexpr vmm_callbacks kTable = {
        port_read,  port_write, memory_read, memory_write, acknowledge_interrupt,
        time_stamp, random,     msr_read,    msr_write,    cpuid,
    };
};

UnicornVcpu::UnicornVcpu(EngineMemory memory, const CpuModel& model, VcpuHandler& handler)
    : memory_(std::move(memory)), model_(model), handler_(handler) {
    int error = 0;
    engine_.reset(vmm_create(memory_.get(), &Callbacks::kTable, this, &error));
    if (!engine_) throw BackendError(std::string(UnicornBackend::kName), "create a vCPU", error);
    set_state(reset_state(model_.cpuid(1, 0).eax));
}

Exit UnicornVcpu::run(Budget budget) {
    const vmm_exit reason = vmm_run(engine_.get(), budget.instructions);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    Exit exit;
    exit.kind = exit_kind(reason);
    if (exit.kind == ExitKind::kFetchFault) exit.address = vmm_fault_address(engine_.get());
    if (reason == VMM_EXIT_FAULT_STORM) {
        exit.detail =
            fmt::format("the guest took {} exceptions in a row without executing an instruction",
                        VMM_FAULT_STORM);
    }
    return exit;
}

void UnicornVcpu::kick() {
    vmm_kick(engine_.get());
}
void UnicornVcpu::request_stop() {
    vmm_request_stop(engine_.get());
}

CpuState UnicornVcpu::state() const {
    vmm_state raw;
    vmm_get_state(engine_.get(), &raw);
    CpuState state = from_engine(raw);
    state.interrupt = acknowledged_;
    return state;
}

void UnicornVcpu::set_state(const CpuState& state) {
    const vmm_state raw = to_engine(state);
    vmm_set_state(engine_.get(), &raw);
    acknowledged_ = state.interrupt;
    vmm_set_interrupt_line(engine_.get(), interrupt_line_ || acknowledged_.pending);
}

void UnicornVcpu::set_interrupt_line(bool asserted) {
    interrupt_line_ = asserted;
    vmm_set_interrupt_line(engine_.get(), asserted || acknowledged_.pending);
}
void UnicornVcpu::raise_nmi() {
    vmm_raise_nmi(engine_.get());
}
bool UnicornVcpu::interrupt_window() const {
    return vmm_interrupt_window(engine_.get());
}

std::uint64_t UnicornVcpu::retired() const {
    return vmm_retired(engine_.get());
}
void UnicornVcpu::set_retired(std::uint64_t count) {
    vmm_set_retired(engine_.get(), count);
}
void UnicornVcpu::set_budget_end(std::uint64_t count) {
    vmm_set_budget_end(engine_.get(), count);
}

void UnicornVcpu::flush() {
    vmm_flush_translations(engine_.get());
}

void* UnicornVcpu::find_capability(std::string_view name) {
    if (name == InstructionCounter::kName) return static_cast<InstructionCounter*>(this);
    if (name == TranslationCache::kName) return static_cast<TranslationCache*>(this);
    return nullptr;
}

}  // namespace hvlab
