// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/status.h"
#include "sim/schedulers/ordered_queue.h"
#include "sim/schedulers/reservations.h"
#include "sim/schedulers/scheduler.h"
#include "sim/schedulers/vm_shares.h"

namespace hvlab::sim {

// VMs in the order in which they are entitled to a pCPU: those below their reservation, then by
// what they had in proportion to their weights. It follows what each vCPU does; the policy tells
// it.
class VmQueue {
public:
    // `slice`: how long a vCPU runs at a time.
    void start(const Pcpus& host, Duration slice);

    // First of all in Scheduler::assign and ::timer.
    void begin_instant(const Pcpus& host);
    void charge(const Pcpus& /*host*/, VcpuId vcpu, Duration ran) {
        const VmId vm = vm_of_[index(vcpu)];
        shares_.charge(vm, ran);
        touch(vm);
    }
    void ready(const Pcpus& host, VcpuId vcpu, Wake why) {
        if (why == Wake::kSliceOver) {
            taken_off(host, vcpu);
        } else {
            set(vcpu, Is::kWaiting);
        }
    }
    void stopped(const Pcpus& host, VcpuId vcpu) {
        if (is(vcpu) == Is::kRunning) left_pcpu(host, vcpu);
        set(vcpu, Is::kAbsent);
    }
    // Before Pcpus::run.
    void put_on(const Pcpus& host, VcpuId vcpu) {
        reservations_.change_running(vm_of_[index(vcpu)], 1, host.now());
        set(vcpu, Is::kRunning);
    }
    // After Pcpus::preempt.
    void taken_off(const Pcpus& host, VcpuId vcpu) {
        left_pcpu(host, vcpu);
        set(vcpu, Is::kWaiting);
    }
    // One that waits does not count as waiting, until it is set back.
    void set_aside(VcpuId vcpu) { set(vcpu, Is::kAside); }
    void set_back(VcpuId vcpu) { set(vcpu, Is::kWaiting); }
    // Last of all.
    void end_instant();

    bool waits(VcpuId vcpu) const { return is(vcpu) == Is::kWaiting; }
    bool is_aside(VcpuId vcpu) const { return is(vcpu) == Is::kAside; }
    bool wants(VcpuId vcpu) const { return is(vcpu) != Is::kAbsent; }
    bool empty() {
        if (!stale_.empty()) flush();
        return order_.empty();
    }
    int waiting(VmId vm) const { return of(vm).waiting; }
    int running(VmId vm) const { return of(vm).running; }
    int wanting(VmId vm) const { return of(vm).wanting; }

    // The VM that is next on that pCPU; with `affine`, one of those next in line, within a slice,
    // whose turn() has a vCPU that ran there last. kNone: no VM that waits may run there.
    VmId next(const Pcpus& host, PcpuId pcpu, bool affine);
    // Whose turn it is of the VM's vCPUs that wait, at least one: the one that has waited longest,
    // or one that ran on that pCPU last, if that one is ahead by no more than a slice.
    VcpuId turn(const Pcpus& host, VmId vm, PcpuId pcpu) const;
    // The most pressing of the VMs that wait below their reservation, and may run there.
    VmId most_pressing(const Pcpus& host, PcpuId pcpu = kNone) const;
    bool below_reservation(VmId vm, Time now) const { return reservations_.lacks(vm, now) > 0; }
    // Where `vm` may take the place of one less entitled that has been there for `least_run`;
    // by reservation alone, or by its share, too.
    PcpuId victim(const Pcpus& host, VmId vm, Duration least_run, bool by_share) const;

    // How long a vCPU of the VM may run from now on: no longer than its reservation lasts, if it is
    // for that that it runs.
    Duration slice(const Pcpus& host, VmId vm) const;

    // When the policy must look again, with no event of a vCPU: the period's end, and soon if a VM
    // waits below its reservation.
    Time next_check(const Pcpus& host) const;

    void save(StateWriter& writer) const;
    void load(StateReader& reader);
    // What was loaded, against the host. Throws StateError.
    void check(const Pcpus& host) const;

    static constexpr Duration kCheck = kMillisecond;
    static constexpr Duration kShortest = 500 * kMicrosecond;  // slice for a reservation

private:
    enum class Is : std::uint8_t { kAbsent, kWaiting, kAside, kRunning };
    struct Vm {
        int waiting = 0;
        int running = 0;
        int wanting = 0;  // waiting, aside or running
        double key = 0;   // in order_
        bool queued = false;
        bool stale = false;     // its place in order_ is to be looked at
        bool anywhere = false;  // it may run on any pCPU
    };

    static std::size_t index(int id) { return static_cast<std::size_t>(id); }
    Is is(VcpuId vcpu) const { return vcpus_[index(vcpu)]; }
    const Vm& of(VmId vm) const { return vms_[index(vm)]; }
    void set(VcpuId vcpu, Is next) {
        const VmId vm = vm_of_[index(vcpu)];
        Vm& own = vms_[index(vm)];
        const Is before = is(vcpu);
        HVLAB_ASSERT(before != next);
        const auto change = [before, next](Is state) {
            return static_cast<int>(next == state) - static_cast<int>(before == state);
        };
        own.waiting += change(Is::kWaiting);
        own.running += change(Is::kRunning);
        own.wanting -= change(Is::kAbsent);
        vcpus_[index(vcpu)] = next;
        touch(vm);
    }
    void touch(VmId vm) {
        Vm& own = vms_[index(vm)];
        if (own.stale) return;
        own.stale = true;
        stale_.push_back(vm);
    }
    void flush();
    bool may_run(const Pcpus& host, VmId vm, PcpuId pcpu) const {
        return of(vm).anywhere || host.allowed(host.vms()[index(vm)].first, pcpu);
    }

    void left_pcpu(const Pcpus& host, VcpuId vcpu) {
        const VmId vm = vm_of_[index(vcpu)];
        reservations_.change_running(vm, -1, host.now());
        ran_on_[index(vm)] |= bit(host.vcpus()[index(vcpu)].pcpu);
    }
    static std::uint64_t bit(PcpuId pcpu) { return std::uint64_t{1} << (pcpu % 64); }
    bool waits_for_turn_on(const Pcpus& host, VmId vm, PcpuId pcpu);

    Duration slice_ = 0;
    VmShares shares_;
    Reservations reservations_;
    std::vector<Is> vcpus_;
    std::vector<VmId> vm_of_;
    std::vector<Vm> vms_;
    bool all_anywhere_ = true;  // each VM may run on any pCPU
    // Of each VM: pCPUs, modulo 64, which a waiting vCPU of it may have run on last; no others. So
    // most questions about that are answered from a few cache lines.
    std::vector<std::uint64_t> ran_on_;
    OrderedQueue<double> order_;  // VMs of which a vCPU waits
    std::vector<VmId> stale_;
};

}  // namespace hvlab::sim
