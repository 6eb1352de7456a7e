// SPDX-License-Identifier: GPL-2.0-or-later
//
// The model-specific registers of CpuState, and who answers which: the kernel those that it has, we
// those that CpuState carries and the kernel lacks, the handler all others.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/kvm/kvm_api.h"
#include "backends/kvm/system_calls.h"
#include "core/cpu/cpu_state.h"

namespace hvlab::kvm {

inline constexpr std::uint32_t kMsrTsc = 0x10;

// What comes out of the guest (KVM_EXIT_X86_RDMSR, -WRMSR): every access to an MSR that CpuState
// does not carry, one that the kernel does not have or refuses, and writes whose value not every
// KVM checks.
void filter_msrs(const Handle& vm);

// Those of CpuState that the kernel reads, in ascending order.
std::vector<std::uint32_t> present_msrs(const Handle& vcpu);

// The MSRs of a vCPU but EFER, which is with the control registers, and the time-stamp counter.
class MsrAccess {
public:
    MsrAccess() = default;
    // Asks the kernel which it has; once for a process.
    explicit MsrAccess(const Handle& vcpu);
    // Knows already; `present` outlives it.
    explicit MsrAccess(const std::vector<std::uint32_t>& present) : present_(&present) {}

    // Writes what differs from `held`, which the kernel has; what it lacks is kept here. Throws
    // BackendError naming the one that is refused, some of the others being written.
    void set(const Handle& vcpu, const Msrs& held, const Msrs& msrs);
    // Likewise, whatever the kernel has.
    void set_all(const Handle& vcpu, const Msrs& msrs) { write_those(vcpu, nullptr, msrs); }
    Msrs get(const Handle& vcpu) const;

    // An access of the guest that came out. Nothing: it is not to an MSR of CpuState.
    struct Answer {
        bool done = false;  // false: #GP(0)
        std::uint64_t value = 0;
    };
    std::optional<Answer> read(const Handle& vcpu, std::uint32_t index) const;
    std::optional<Answer> write(const Handle& vcpu, std::uint32_t index, std::uint64_t value);

private:
    bool kernel_has(std::uint32_t index) const;
    void write_those(const Handle& vcpu, const Msrs* held, const Msrs& msrs);

    const std::vector<std::uint32_t>* present_ = nullptr;
    Msrs software_;
};

}  // namespace hvlab::kvm
