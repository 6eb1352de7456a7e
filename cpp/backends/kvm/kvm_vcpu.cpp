// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_vcpu.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/kvm/exit_details.h"
#include "backends/kvm/held_state.h"
#include "backends/kvm/kvm_state.h"

namespace hvlab::kvm {
namespace {

constexpr std::uint64_t kInterruptFlag = 0x200;
constexpr unsigned kFruitlessRuns = 1000;  // a kernel that never lets the vCPU run is told

}  // namespace

void* KvmVcpu::find_capability(std::string_view name) {
    if (name == HostTimer::kName) return static_cast<HostTimer*>(this);
    if (name == GeneralRegisters::kName) return static_cast<GeneralRegisters*>(this);
    if (name == Debugger::kName) return static_cast<Debugger*>(this);
    return nullptr;
}

// ---- Running

// Tells kickers which thread to signal, for as long as a run lasts.
class KvmVcpu::Running {
public:
    explicit Running(RunSignal& signal) : signal_(signal) { signal_.enter(); }
    ~Running() { signal_.leave(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    RunSignal& signal_;
};

Exit KvmVcpu::run(Budget budget) {
    if (!budget.unlimited()) {
        fail("run with a budget of instructions", 0, "KVM does not count instructions");
    }
    if (torn_) fail("run a vCPU", 0, "the kernel took its state in part only: set it again");
    const Running running(*signal_);
    stop_requested_ = false;
    error_ = nullptr;  // of a run that the kernel ended before it could be told
    fruitless_ = 0;
    align_tsc();
    for (;;) {
        std::optional<Exit> exit = before_entry();
        if (!exit) exit = enter();
        if (!exit) continue;
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        return *std::move(exit);
    }
}

// Elsewhere the guest reads the host's counter, whatever the offset says.
void KvmVcpu::align_tsc() {
    if (!vm_->device->tsc_settable) return;
    std::uint64_t guest_time = 0;
    guarded([&] { guest_time = handler_.time_stamp(); });
    if (!error_) tsc_.align(handle_, guest_time, GuestTsc::Clock::now());
}

std::optional<Exit> KvmVcpu::before_entry() {
    if (needs_completion()) {
        if (std::optional<Exit> exit = complete_instruction()) return exit;
    }
    if (stop_requested_) return Exit{.kind = ExitKind::kStopped};
    if (signal_->kicked()) {
        if (std::optional<Exit> exit = complete_instruction()) return exit;
        signal_->take_kick();
        return Exit{.kind = ExitKind::kKicked};
    }
    if (signal_->past_end()) {
        if (std::optional<Exit> exit = complete_instruction()) return exit;
        return Exit{.kind = ExitKind::kBudget};
    }
    if (shut_down_) return Exit{.kind = ExitKind::kTripleFault};
    if (halted_) {
        if (!wakes_halted()) return Exit{.kind = ExitKind::kHalted};
        halted_ = false;
    }
    offer_interrupt();
    if (stop_requested_) return Exit{.kind = ExitKind::kStopped};
    return std::nullopt;
}

// An interrupt is offered between instructions. No instruction that makes an access sets IF but
// those after which KVM tells that the window has opened.
bool KvmVcpu::needs_completion() const {
    return incomplete_ &&
           (stop_requested_ || (interrupt_line_ && (synced().regs.rflags & kInterruptFlag) != 0));
}

std::optional<Exit> KvmVcpu::enter() {
    kvm_sync_regs& sync = synced();
    const bool gives_registers = area().kvm_dirty_regs != 0;
    const kvm_regs given = gives_registers ? sync.regs : kvm_regs{};
    // The kernel writes these whenever it comes back from where the instruction was completed, and
    // never as 0. A call that failed before that has changed nothing.
    const auto flags = std::exchange(sync.events.flags, 0);
    const int result = handle_.calls().ioctl(handle_.fd(), KVM_RUN, nullptr);
    const int error = errno;
    const bool entered = result >= 0 || sync.events.flags != 0;
    if (entered) {
        incomplete_ = false;
    } else {
        sync.events.flags = flags;
    }
    // What it did not take (the vCPU waits for its start) it shall take the next time.
    if (gives_registers && area().kvm_dirty_regs != 0) sync.regs = given;
    if (result >= 0) {
        fruitless_ = 0;
        return handle_exit();
    }
    if (error == EINTR) signal_->set_immediate_exit(false);
    if (error == EINTR && entered) {
        fruitless_ = 0;
        const auto& events = sync.events;
        if ((events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) != 0) {
            shut_down_ |= events.triple_fault.pending != 0;
        }
        return std::nullopt;  // the next round looks whether it was a kick or the end
    }
    // A vCPU that another one has just started gives EAGAIN, once.
    const bool again = error == EINTR || error == EAGAIN;
    if (again && ++fruitless_ < kFruitlessRuns) return std::nullopt;
    spoiled_ = true;
    fail("run a vCPU (KVM_RUN)", error);
}

// An access of the guest was answered, but the registers do not know yet: KVM_RUN completes it, and
// with immediate_exit does no more.
std::optional<Exit> KvmVcpu::complete_instruction() {
    while (incomplete_) {
        signal_->set_immediate_exit(true);
        std::optional<Exit> exit = enter();
        signal_->set_immediate_exit(false);
        if (exit) return exit;
    }
    return std::nullopt;
}

bool KvmVcpu::nmi_is_due() const {
    const auto& nmi = synced().events.nmi;
    return (nmi.pending != 0 || nmi.injected != 0) && nmi.masked == 0;
}

bool KvmVcpu::wakes_halted() const {
    return nmi_is_due() || synced().events.interrupt.injected != 0 ||
           (interrupt_line_ && interrupt_window());
}

// KVM takes an interrupt when it can deliver it at once; until then it says when that is.
void KvmVcpu::offer_interrupt() {
    kvm_run& run = area();
    run.request_interrupt_window = 0;
    if (!interrupt_line_ && !acknowledged_) return;
    // What is delivered before it (Intel SDM vol. 3 table 6-2) closes the window, as a rule.
    const kvm_vcpu_events& events = synced().events;
    if (!acknowledged_ && (!interrupt_window() || nmi_is_due() || events.exception.injected != 0 ||
                           events.interrupt.injected != 0)) {
        run.request_interrupt_window = 1;
        return;
    }
    if (!acknowledged_) guarded([&] { acknowledged_ = handler_.acknowledge_interrupt(); });
    if (!acknowledged_) return;
    // The controller has forgotten it: from here on it is the vCPU's, whatever fails.
    synced().events.interrupt.injected = 1;
    synced().events.interrupt.nr = *acknowledged_;
    synced().events.interrupt.soft = 0;
    kvm_interrupt interrupt{.irq = *acknowledged_};
    handle_.call(KVM_INTERRUPT, &interrupt, "deliver an interrupt (KVM_INTERRUPT)");
    acknowledged_.reset();
    run.request_interrupt_window = interrupt_line_ ? 1 : 0;
}

// ---- Exits

std::optional<Exit> KvmVcpu::handle_exit() {
    kvm_run& run = area();
    incomplete_ = false;
    switch (run.exit_reason) {
        case KVM_EXIT_IO:
            answer_port();
            return std::nullopt;
        case KVM_EXIT_MMIO:
            answer_memory();
            return std::nullopt;
        case KVM_EXIT_X86_RDMSR:
            answer_msr_read();
            return std::nullopt;
        case KVM_EXIT_X86_WRMSR:
            answer_msr_write();
            return std::nullopt;
        case KVM_EXIT_IRQ_WINDOW_OPEN:
        case KVM_EXIT_INTR:
        case KVM_EXIT_SET_TPR:  // CR8 was lowered: nothing of ours looks at it
            return std::nullopt;
        case KVM_EXIT_DIRTY_RING_FULL:
            if (!vm_->dirty->make_room(vm_->handle, vm_->slots)) {
                spoiled_ = true;
                fail("read a dirty ring", 0, "it is full, but its next entry is not written");
            }
            return std::nullopt;
        case KVM_EXIT_HLT:
            halted_ = true;
            return std::nullopt;  // what may wake it is looked at before the next entry
        case KVM_EXIT_SHUTDOWN:
            shut_down_ = true;
            return Exit{.kind = ExitKind::kTripleFault};
        case KVM_EXIT_DEBUG:
            return Exit{
                .kind = ExitKind::kDebug, .address = run.debug.arch.pc, .code = run.debug.arch.dr6};
        case KVM_EXIT_INTERNAL_ERROR:
            if (const auto address = fetched_from_nowhere(run, handle_, vm_->slots)) {
                return Exit{.kind = ExitKind::kFetchFault, .address = *address};
            }
            [[fallthrough]];
        default:
            spoiled_ = true;
            return Exit{
                .kind = ExitKind::kInternal, .code = run.exit_reason, .detail = describe(run)};
    }
}

// Handlers promise not to throw; should one, the instruction is completed before it is told.
template <typename Call>
void KvmVcpu::guarded(Call&& call) noexcept {
    try {
        call();
    } catch (...) {
        if (!error_) error_ = std::current_exception();
        stop_requested_ = true;
    }
}

void KvmVcpu::answer_port() {
    const auto io = area().io;  // a copy: the area is shared with the kernel, not with the guest
    std::byte* data = area_.data() + io.data_offset;
    incomplete_ = true;
    for (std::uint32_t i = 0; i < io.count; ++i, data += io.size) {
        std::uint32_t value = 0;
        if (io.direction == KVM_EXIT_IO_OUT) {
            std::memcpy(&value, data, io.size);
            guarded([&] { handler_.port_write(io.port, io.size, value); });
        } else {
            guarded([&] { value = handler_.port_read(io.port, io.size); });
            std::memcpy(data, &value, io.size);
        }
    }
}

void KvmVcpu::answer_memory() {
    auto& mmio = area().mmio;
    std::uint64_t value = 0;
    incomplete_ = true;
    if (mmio.is_write != 0) {
        std::memcpy(&value, mmio.data, mmio.len);
        guarded([&] { handler_.memory_write(mmio.phys_addr, mmio.len, value); });
    } else {
        guarded([&] { value = handler_.memory_read(mmio.phys_addr, mmio.len); });
        std::memcpy(mmio.data, &value, mmio.len);
    }
}

void KvmVcpu::answer_msr_read() {
    auto& msr = area().msr;
    incomplete_ = true;
    const std::optional<MsrAccess::Answer> own = msrs_.read(handle_, msr.index);
    std::optional<std::uint64_t> value;
    if (own && own->done) value = own->value;
    // What the kernel has and refuses is no question to the handler.
    if (!own && msr.reason != KVM_MSR_EXIT_REASON_INVAL) {
        guarded([&] { value = handler_.msr_read(msr.index); });
    }
    msr.error = value ? 0 : 1;
    msr.data = value.value_or(0);
}

void KvmVcpu::answer_msr_write() {
    auto& msr = area().msr;
    incomplete_ = true;
    if (msr.index == kMsrTsc) {
        guarded([&] { tsc_.set_offset(msr.data - handler_.time_stamp()); });
        align_tsc();
        msr.error = 0;
        return;
    }
    const std::optional<MsrAccess::Answer> own = msrs_.write(handle_, msr.index, msr.data);
    bool taken = own && own->done;
    if (!own && msr.reason != KVM_MSR_EXIT_REASON_INVAL) {
        guarded([&] { taken = handler_.msr_write(msr.index, msr.data); });
    }
    msr.error = taken ? 0 : 1;
}

// ---- State

CpuState KvmVcpu::state() const {
    CpuState state;
    store(synced().regs, state);
    store(synced().sregs, state);
    store(synced().events, state);
    kvm_debugregs debug{};
    handle_.call(KVM_GET_DEBUGREGS, &debug, "read debug registers (KVM_GET_DEBUGREGS)");
    store(debug, state);
    XsaveArea extended;
    handle_.call(kGetXsave, &extended, "read x87 and SSE state (KVM_GET_XSAVE)");
    store(extended, state);
    const std::uint64_t efer = state.msrs.efer;
    state.msrs = msrs_.get(handle_);
    state.msrs.efer = efer;
    state.msrs.tsc_offset = tsc_.offset();
    state.halted = halted_ || halted_in_kernel();
    return state;
}

void KvmVcpu::set_state(const CpuState& state) {
    check_representable(state);
    kvm_sync_regs& sync = synced();
    const SyncedState taken = exchange_state(
        handle_, msrs_, {.regs = sync.regs, .sregs = sync.sregs, .events = sync.events}, state,
        torn_);
    sync.regs = taken.regs;
    sync.sregs = taken.sregs;
    sync.events = taken.events;
    area().cr8 = state.cr8;  // without a local APIC in the kernel, KVM_RUN takes it from there
    area().kvm_dirty_regs = 0;
    tsc_.set_offset(state.msrs.tsc_offset);
    set_halted(state.halted);
    shut_down_ = false;
    incomplete_ = false;
    acknowledged_.reset();
}

bool KvmVcpu::halted_in_kernel() const {
    if (vm_->device->options.irqchip == KvmOptions::Irqchip::kNone) return false;
    kvm_mp_state state{};
    handle_.call(KVM_GET_MP_STATE, &state, "ask whether a vCPU is halted (KVM_GET_MP_STATE)");
    return state.mp_state == KVM_MP_STATE_HALTED;
}

void KvmVcpu::set_halted(bool halted) {
    if (vm_->device->options.irqchip == KvmOptions::Irqchip::kNone) {
        halted_ = halted;
    } else if (halted != halted_in_kernel()) {
        // A processor that waits for its start is not halted, and goes on waiting.
        kvm_mp_state state{.mp_state = static_cast<std::uint32_t>(halted ? KVM_MP_STATE_HALTED
                                                                         : KVM_MP_STATE_RUNNABLE)};
        handle_.call(KVM_SET_MP_STATE, &state, "halt or wake a vCPU (KVM_SET_MP_STATE)");
    }
}

void KvmVcpu::raise_nmi() {
    handle_.call(KVM_NMI, nullptr, "raise an NMI (KVM_NMI)");
    synced().events.nmi.pending = 1;
}

bool KvmVcpu::interrupt_window() const {
    const kvm_sync_regs& sync = synced();
    return (sync.regs.rflags & kInterruptFlag) != 0 && sync.events.interrupt.shadow == 0;
}

void KvmVcpu::set_end(std::optional<std::chrono::steady_clock::time_point> end) {
    signal_->set_end(end);
}

Registers KvmVcpu::registers() const {
    CpuState state;
    store(synced().regs, state);
    return {.gpr = state.gpr, .rip = state.rip, .rflags = state.rflags};
}

void KvmVcpu::set_registers(const Registers& registers) {
    CpuState state;
    state.gpr = registers.gpr;
    state.rip = registers.rip;
    state.rflags = registers.rflags;
    load(state, synced().regs);
    area().kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

void KvmVcpu::set_debugging(const Debugging& debugging) {
    kvm_guest_debug debug{};
    if (debugging.breakpoints.size() > 4) {
        fail("set breakpoints", ENOSPC, "a processor has four breakpoint registers");
    }
    if (debugging.single_step) debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    if (!debugging.breakpoints.empty()) {
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
        debug.arch.debugreg[7] = 0x400;
    }
    for (std::size_t i = 0; i < debugging.breakpoints.size(); ++i) {
        debug.arch.debugreg[i] = debugging.breakpoints[i];
        debug.arch.debugreg[7] |= std::uint64_t{2} << (2 * i);  // global, execution, one byte
    }
    handle_.call(KVM_SET_GUEST_DEBUG, &debug, "set breakpoints (KVM_SET_GUEST_DEBUG)");
    debugging_ = debug.control != 0;
}

}  // namespace hvlab::kvm
