// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <exception>
#include <memory>
#include <optional>

#include "backends/kvm/guest_tsc.h"
#include "backends/kvm/kvm_vm.h"
#include "backends/kvm/msrs.h"
#include "backends/kvm/run_signal.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab::kvm {

class KvmVcpu : public Vcpu, public HostTimer, public GeneralRegisters, public Debugger {
public:
    KvmVcpu(std::shared_ptr<VmState> vm, unsigned index, VcpuHandler& handler);
    ~KvmVcpu() override;
    KvmVcpu(const KvmVcpu&) = delete;
    KvmVcpu& operator=(const KvmVcpu&) = delete;

    Exit run(Budget budget) override;
    void kick() override { signal_->kick(); }
    void request_stop() override { stop_requested_ = true; }
    CpuState state() const override;
    void set_state(const CpuState& state) override;
    void set_interrupt_line(bool asserted) override { interrupt_line_ = asserted; }
    void raise_nmi() override;
    bool interrupt_window() const override;

    void set_end(std::optional<std::chrono::steady_clock::time_point> end) override;

    Registers registers() const override;
    void set_registers(const Registers& registers) override;

    void set_debugging(const Debugging& debugging) override;

protected:
    void* find_capability(std::string_view name) override;

private:
    class Running;

    void create(unsigned index);
    void start_anew();

    kvm_run& area() const { return *reinterpret_cast<kvm_run*>(area_.data()); }
    kvm_sync_regs& synced() const { return area().s.regs; }

    // The run loop's parts. Each returns the exit that ends the run, if any does.
    std::optional<Exit> before_entry();
    std::optional<Exit> enter();
    std::optional<Exit> handle_exit();
    void align_tsc();
    bool needs_completion() const;
    bool nmi_is_due() const;
    bool wakes_halted() const;
    void offer_interrupt();
    // The instruction whose access was answered last completes; further accesses of it are
    // answered.
    std::optional<Exit> complete_instruction();

    template <typename Call>
    void guarded(Call&& call) noexcept;
    void answer_port();
    void answer_memory();
    void answer_msr_read();
    void answer_msr_write();

    // With a local APIC in the kernel, HLT waits there.
    bool halted_in_kernel() const;
    void set_halted(bool halted);

    std::shared_ptr<VmState> vm_;
    unsigned index_;
    VcpuHandler& handler_;
    Handle handle_;
    SharedArea area_;  // kvm_run
    MsrAccess msrs_;
    std::unique_ptr<RunSignal> signal_;
    GuestTsc tsc_;

    // Acknowledged, but the kernel has not been told yet.
    std::optional<std::uint8_t> acknowledged_;
    std::exception_ptr error_;  // what a handler threw: told when the instruction has completed
    unsigned fruitless_ = 0;    // KVM_RUNs in a row that did nothing
    bool stop_requested_ = false;
    bool incomplete_ = false;  // the last exit was an access: its instruction completes by KVM_RUN
    bool interrupt_line_ = false;
    bool halted_ = false;  // without a local APIC in the kernel, HLT is ours to wait in
    bool shut_down_ = false;
    bool debugging_ = false;
    bool spoiled_ = false;  // the kernel gave it up: not for another machine
    bool torn_ = false;  // a state was set in part, and the kernel does not take the old one back
};

}  // namespace hvlab::kvm
