// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/held_state.h"

#include <cstring>

#include "backends/kvm/kvm_state.h"
#include "core/base/status.h"

namespace hvlab::kvm {
namespace {

void set(const Handle& vcpu, kvm_sregs sregs) {
    vcpu.call(KVM_SET_SREGS, &sregs, "set segment and control registers (KVM_SET_SREGS)");
}
void set(const Handle& vcpu, kvm_regs regs) {
    vcpu.call(KVM_SET_REGS, &regs, "set general registers (KVM_SET_REGS)");
}
void set(const Handle& vcpu, kvm_vcpu_events events) {
    vcpu.call(KVM_SET_VCPU_EVENTS, &events, "set pending events (KVM_SET_VCPU_EVENTS)");
}
void set(const Handle& vcpu, kvm_debugregs debug) {
    vcpu.call(KVM_SET_DEBUGREGS, &debug, "set debug registers (KVM_SET_DEBUGREGS)");
}

// Goes on with the next part where one fails: as much as possible goes back.
template <typename... Restore>
bool restore_all(Restore&&... restore) {
    const auto attempt = [](auto& each) {
        try {
            each();
            return true;
        } catch (const BackendError&) {
            return false;
        }
    };
    return (int{attempt(restore)} & ...) != 0;
}

}  // namespace

SyncedState exchange_state(const Handle& vcpu, MsrAccess& msrs, const SyncedState& held,
                           const CpuState& state, bool& torn) {
    SyncedState wanted{.regs = {}, .sregs = held.sregs, .events = {}};
    load(state, wanted.regs);
    load(state, wanted.sregs);
    load(state, wanted.events);
    // A shutdown that is under way: where the kernel tells of it, it can be taken back.
    wanted.events.flags |= held.events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
    kvm_debugregs wanted_debug{};
    load(state, wanted_debug);
    XsaveArea extended;
    load(state, extended);

    // What a guest hardly ever changes is read, and written only if it has to be: as dear as
    // writing it, and then it is known what to go back to.
    kvm_debugregs debug{};
    vcpu.call(KVM_GET_DEBUGREGS, &debug, "read debug registers (KVM_GET_DEBUGREGS)");
    const Msrs old_msrs = msrs.get(vcpu);
    try {
        set(vcpu, wanted.sregs);
        set(vcpu, wanted.regs);
        set(vcpu, wanted.events);
        if (std::memcmp(&debug, &wanted_debug, sizeof debug) != 0) set(vcpu, wanted_debug);
        msrs.set(vcpu, old_msrs, state.msrs);
        // The last: what it holds need not be known.
        vcpu.call(kSetXsave, &extended, "set x87 and SSE state (KVM_SET_XSAVE)");
    } catch (...) {
        torn = !restore_all([&] { set(vcpu, held.sregs); }, [&] { set(vcpu, held.regs); },
                            [&] { set(vcpu, held.events); }, [&] { set(vcpu, debug); },
                            [&] { msrs.set_all(vcpu, old_msrs); });
        throw;
    }
    torn = false;
    return wanted;
}

}  // namespace hvlab::kvm
