// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <exception>
#include <memory>

#include "backends/unicorn/engine/vmm.h"
#include "backends/unicorn/unicorn_vm.h"
#include "core/hypervisor/hypervisor.h"

namespace hvlab {

class UnicornVcpu : public Vcpu, public InstructionCounter, public TranslationCache {
public:
    UnicornVcpu(EngineMemory memory, const CpuModel& model, VcpuHandler& handler);

    Exit run(Budget budget) override;
    void kick() override;
    void request_stop() override;
    CpuState state() const override;
    void set_state(const CpuState& state) override;
    void set_interrupt_line(bool asserted) override;
    void raise_nmi() override;
    bool interrupt_window() const override;

    std::uint64_t retired() const override;
    void set_retired(std::uint64_t count) override;
    void set_budget_end(std::uint64_t count) override;

    void flush() override;

protected:
    void* find_capability(std::string_view name) override;

private:
    struct Callbacks;

    EngineMemory memory_;  // outlives engine_
    CpuModel model_;
    VcpuHandler& handler_;
    std::unique_ptr<vmm, decltype(&vmm_destroy)> engine_{nullptr, vmm_destroy};
    // The INTR pin is high for the machine's line or for an interrupt that a set state holds
    // acknowledged already.
    bool interrupt_line_ = false;
    PendingInterrupt acknowledged_;
    std::exception_ptr error_;  // what a handler threw: nothing may unwind through the engine
};

}  // namespace hvlab
