// SPDX-License-Identifier: GPL-2.0-or-later
//
// What executes guest instructions, seen from everywhere else. Three small classes that each
// backend implements, one handler that the machine implements, and a few optional powers.
//
// Calls are plain virtual calls: 1.4 ns against 20 ns to 8 us for an exit.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/units.h"
#include "core/cpu/cpu_model.h"
#include "core/cpu/cpu_state.h"
#include "core/memory/page_bitmap.h"

namespace hvlab {

// How much a vCPU may do before it comes back. Counted in retired instructions: one instruction or
// one REP iteration; one that faults does not count.
struct Budget {
    static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t instructions = kUnlimited;

    bool unlimited() const { return instructions == kUnlimited; }
};

// Why a vCPU returned. The architectural state is consistent at every exit: the instruction that
// caused it has completed (or, for a fault, has not begun).
enum class ExitKind : std::uint8_t {
    kBudget,       // the budget is used up, exactly; or HostTimer's end has come
    kKicked,       // kick() was called
    kStopped,      // the handler asked for it during an access (VcpuHandler::stop_requested)
    kHalted,       // HLT with nothing to wake it; RIP is past the HLT
    kTripleFault,  // shutdown (Intel SDM vol. 3 s. 6.15, double fault)
    kFetchFault,   // instruction fetch where there is no memory
    kDebug,        // a step or a breakpoint of Debugger; RIP is at the next instruction
    kInternal,     // the backend cannot go on; `detail` says why
};

std::string_view to_string(ExitKind kind);

struct Exit {
    ExitKind kind = ExitKind::kInternal;
    GuestAddress address = 0;  // kFetchFault: guest-physical; kDebug: the instruction's, linear
    std::uint64_t code = 0;    // kDebug: DR6's cause bits; kInternal: the backend's own number
    std::string detail = {};   // kInternal
};

// What a vCPU calls while it runs, in the thread that runs it. Implementations must not throw: they
// keep an exception, ask for a stop and rethrow after run() has returned.
class VcpuHandler {
public:
    virtual ~VcpuHandler() = default;

    // Ports (size 1, 2, 4) and memory where no RAM is mapped (size 1-8). Reads return the value
    // zero-extended.
    virtual std::uint32_t port_read(std::uint16_t port, unsigned size) = 0;
    virtual void port_write(std::uint16_t port, unsigned size, std::uint32_t value) = 0;
    virtual std::uint64_t memory_read(GuestAddress address, unsigned size) = 0;
    virtual void memory_write(GuestAddress address, unsigned size, std::uint64_t value) = 0;

    // The INTA cycle: the vCPU is about to deliver an external interrupt and asks for its vector.
    // Nothing: the request went away meanwhile (the vCPU goes on as if INTR had been low).
    virtual std::optional<std::uint8_t> acknowledge_interrupt() = 0;

    // The time-stamp counter's base in ticks, as of the current instruction; the vCPU adds its
    // tsc_offset.
    virtual std::uint64_t time_stamp() = 0;

    // RDRAND and RDSEED.
    virtual std::uint64_t random() = 0;

    // Model-specific registers that CpuState does not carry. Nothing / false: #GP(0).
    virtual std::optional<std::uint64_t> msr_read(std::uint32_t index) = 0;
    virtual bool msr_write(std::uint32_t index, std::uint64_t value) = 0;
};

// An optional power names itself so that capability<T>() can find it without RTTI across libraries.
template <typename T>
concept Capability = requires {
    { T::kName } -> std::convertible_to<std::string_view>;
};

// Exact counting of retired instructions. A vCPU without it refuses finite budgets with a
// BackendError.
class InstructionCounter {
public:
    static constexpr std::string_view kName = "instruction-counter";
    virtual ~InstructionCounter() = default;

    // Exact at every moment, also inside a handler call (where it does not yet include the
    // instruction that is making the call).
    virtual std::uint64_t retired() const = 0;
    // Continue counting from here; used when a state is restored.
    virtual void set_retired(std::uint64_t count) = 0;
    // From inside a handler call: shorten or lengthen what is left of the running budget so that
    // run() comes back at `count` retired instructions (a device armed an earlier timer).
    virtual void set_budget_end(std::uint64_t count) = 0;
};

// Throwing away translations, to prove that results do not depend on them.
class TranslationCache {
public:
    static constexpr std::string_view kName = "translation-cache";
    virtual ~TranslationCache() = default;
    virtual void flush() = 0;
};

// Runs that end at a time of the host's clock: what a backend that cannot count offers instead.
class HostTimer {
public:
    static constexpr std::string_view kName = "host-timer";
    virtual ~HostTimer() = default;

    // From now on a run comes back with kBudget when the clock has reached `end`, also one in which
    // that has happened already. Nothing: no such end. Outside run(), or from a handler call.
    virtual void set_end(std::optional<std::chrono::steady_clock::time_point> end) = 0;
};

// The registers that most exits are about, without the rest of the state.
struct Registers {
    std::array<std::uint64_t, kGprCount> gpr{};
    std::uint64_t rip = 0;
    std::uint64_t rflags = 0x2;

    bool operator==(const Registers&) const = default;
};

class GeneralRegisters {
public:
    static constexpr std::string_view kName = "general-registers";
    virtual ~GeneralRegisters() = default;

    // Outside run() only.
    virtual Registers registers() const = 0;
    virtual void set_registers(const Registers& registers) = 0;
};

// Stops for a debugger, which the guest does not notice.
struct Debugging {
    bool single_step = false;                 // one instruction a run
    std::vector<GuestAddress> breakpoints{};  // linear addresses of instructions, at most 4

    bool operator==(const Debugging&) const = default;
};

class Debugger {
public:
    static constexpr std::string_view kName = "debugger";
    virtual ~Debugger() = default;

    // Outside run() only. While there are breakpoints, the guest's own have no effect. A run that
    // begins at one stops there: past it leads a single step without it. Throws BackendError for
    // too many.
    virtual void set_debugging(const Debugging& debugging) = 0;
};

class Vcpu {
public:
    virtual ~Vcpu() = default;

    // Runs guest code until something of ExitKind happens. One thread at a time.
    virtual Exit run(Budget budget) = 0;

    // Any thread: the run in progress, or else the next one, returns kKicked soon. Never lost;
    // several kicks before a return may be answered by one.
    virtual void kick() = 0;

    // From a handler call: leave right after the instruction that is making it, with kStopped.
    virtual void request_stop() = 0;

    // Outside run() only. set_state throws BackendError for what the backend cannot represent,
    // naming it.
    virtual CpuState state() const = 0;
    virtual void set_state(const CpuState& state) = 0;

    // The INTR pin (level) and the NMI pin (edge). Outside run(), or from a handler call.
    virtual void set_interrupt_line(bool asserted) = 0;
    virtual void raise_nmi() = 0;

    // Would an external interrupt be taken before the next instruction? (IF set, no shadow.)
    // Outside run().
    virtual bool interrupt_window() const = 0;

    template <Capability T>
    T* capability() {
        return static_cast<T*>(find_capability(T::kName));
    }

protected:
    // A pointer to the named interface, converted to exactly that type, or null.
    virtual void* find_capability(std::string_view name) = 0;
};

// One guest's memory and vCPUs.
class Vm {
public:
    virtual ~Vm() = default;

    // `host` stays valid until unmap or destruction; page-aligned address and size. Overlap throws.
    // Everything not mapped goes to VcpuHandler::memory_read/memory_write.
    //
    // Bytes that are mapped may be mapped again at another address, all of them by one earlier call
    // and unmapped before it: what is stored at one is seen at both, as code too. A page of them is
    // dirty at either address; a store to read-only ones may be handed out with either.
    virtual void map_memory(GuestAddress address, std::span<std::byte> host, bool writable) = 0;
    virtual void unmap_memory(GuestAddress address, std::uint64_t size) = 0;

    // Pages that the guest wrote since logging began or since the last fetch. Host-side writes are
    // not in it: GuestMemory knows those. `into` is indexed by page number of the guest-physical
    // address.
    virtual void set_dirty_logging(bool enabled) = 0;
    virtual void fetch_and_clear_dirty(PageBitmap& into) = 0;

    // The host wrote there: translated code must go.
    virtual void host_wrote(GuestAddress address, std::uint64_t size) = 0;

    // `handler` outlives the vCPU.
    virtual std::unique_ptr<Vcpu> create_vcpu(unsigned index, VcpuHandler& handler) = 0;
};

struct Capabilities {
    bool deterministic = false;      // guest time is the instruction count
    bool instruction_count = false;  // every vCPU has InstructionCounter
    unsigned max_vcpus = 1;
};

class Backend {
public:
    virtual ~Backend() = default;

    virtual std::string_view name() const = 0;
    virtual Capabilities capabilities() const = 0;
    virtual std::unique_ptr<Vm> create_vm(const CpuModel& model) = 0;
};

}  // namespace hvlab
