// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/exit_details.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <span>

namespace hvlab::kvm {
namespace {

std::string suberror(const kvm_run& run) {
    switch (run.internal.suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            return "an instruction that it cannot emulate";
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            return "an exception in the delivery of an exception that it cannot emulate";
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            return "an unexpected exit while an event was delivered";
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            return "an exit that it does not know";
        default:
            return fmt::format("suberror {}", std::uint32_t{run.internal.suberror});
    }
}

std::string internal_error(const kvm_run& run) {
    std::string text = "internal error of KVM: " + suberror(run);
    const auto count = std::min<std::size_t>(run.internal.ndata, std::size(run.internal.data));
    if (run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION && count >= 1 &&
        (run.emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
        const auto size = std::min<std::size_t>(run.emulation_failure.insn_size,
                                                std::size(run.emulation_failure.insn_bytes));
        return text +
               fmt::format(" ({:02x})",
                           fmt::join(std::span(run.emulation_failure.insn_bytes, size), " "));
    }
    if (count == 0) return text;
    return text + fmt::format(" ({:#x})", fmt::join(std::span(run.internal.data, count), ", "));
}

std::string exit(const kvm_run& run) {
    switch (run.exit_reason) {
        case KVM_EXIT_INTERNAL_ERROR:
            return internal_error(run);
        case KVM_EXIT_FAIL_ENTRY:
            return fmt::format("the processor refuses to enter the guest (reason {:#x})",
                               std::uint64_t{run.fail_entry.hardware_entry_failure_reason});
        case KVM_EXIT_UNKNOWN:
            return fmt::format("an exit of the processor that KVM does not know ({:#x})",
                               std::uint64_t{run.hw.hardware_exit_reason});
        case KVM_EXIT_SYSTEM_EVENT:
            return fmt::format("system event {}", std::uint32_t{run.system_event.type});
        default:
            return fmt::format("exit {} of KVM, which hvlab does not ask for",
                               std::uint32_t{run.exit_reason});
    }
}

}  // namespace

std::string describe(const kvm_run& run) {
    const kvm_regs& regs = run.s.regs.regs;
    const kvm_sregs& sregs = run.s.regs.sregs;
    return fmt::format("{}, at CS {:#x} (base {:#x}) RIP {:#x}, RFLAGS {:#x}, CR0 {:#x}", exit(run),
                       std::uint32_t{sregs.cs.selector}, std::uint64_t{sregs.cs.base},
                       std::uint64_t{regs.rip}, std::uint64_t{regs.rflags},
                       std::uint64_t{sregs.cr0});
}

std::optional<GuestAddress> fetched_from_nowhere(const kvm_run& run, const Handle& vcpu,
                                                 const MemorySlots& slots) {
    if (run.internal.suberror != KVM_INTERNAL_ERROR_EMULATION) return std::nullopt;
    constexpr unsigned kLongest = 15;
    unsigned fetched = 0;
    if (run.internal.ndata >= 1 &&
        (run.emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
        fetched = run.emulation_failure.insn_size;
    }
    const std::uint64_t rip = run.s.regs.sregs.cs.base + run.s.regs.regs.rip;
    for (const std::uint64_t linear : {rip, (rip | (kPageSize - 1)) + 1}) {
        // The next page matters only to an instruction of which all bytes before it were read.
        if (linear != rip && (linear - rip >= kLongest || fetched < linear - rip)) continue;
        kvm_translation translation{};
        translation.linear_address = linear;
        vcpu.call(KVM_TRANSLATE, &translation, "translate an address (KVM_TRANSLATE)");
        if (translation.valid != 0 && !slots.is_mapped(translation.physical_address)) {
            return translation.physical_address;
        }
    }
    return std::nullopt;
}

}  // namespace hvlab::kvm
