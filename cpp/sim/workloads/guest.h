// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/base/state_io.h"
#include "core/base/status.h"
#include "sim/engine/stream.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// Throws StateError, of a workload's state, unless it is right.
inline void require_state(bool right) {
    if (!right) throw StateError("a workload's state is not consistent");
}
// `index`, of an array of `size`, which stood in a workload's state. Throws StateError.
inline std::size_t checked_index(std::int64_t index, std::size_t size) {
    require_state(index >= 0 && static_cast<std::size_t>(index) < size);
    return static_cast<std::size_t>(index);
}

// A VM as its workload sees it: what the work of its vCPUs is, what it waits for, and what its
// users notice. Each fidelity has its own; a workload can't tell which it runs on.
//
// A vCPU is idle, computes (wants a pCPU, and makes progress when it has one) or spins (wants a
// pCPU, and makes none). All are idle at the start.
class Guest {
public:
    // In place of a vCPU's number: the VM's own timer.
    static constexpr int kVm = -1;

    virtual ~Guest() = default;

    virtual Time now() const = 0;
    virtual int vcpus() const = 0;
    // The VM's own random numbers.
    virtual Stream& stream() = 0;

    // The vCPU has `work` nanoseconds to do, at the speed of an undisturbed core (at least 1); then
    // Workload::done. Replaces what it did.
    virtual void compute(int vcpu, Duration work) = 0;
    // Busy waiting, until the next call for this vCPU.
    virtual void spin(int vcpu) = 0;
    virtual void idle(int vcpu) = 0;

    // Workload::timer at that time (>= now). Each vCPU has one timer, and so has the VM (kVm);
    // setting it again moves it, kNever disarms it.
    virtual void set_timer(int vcpu, Time at) = 0;

    // A request entered the VM now.
    virtual void arrive() = 0;
    // One that entered at `arrived` left the VM now.
    virtual void respond(Time arrived) = 0;

    // What the workload goes by comes from outside, in batches, and is used up: the host handles
    // all else that happens at this instant, then stands still and returns Advanced::starved. It
    // goes on when Workload::feed has been called for this VM. Called again only after that.
    virtual void starve() = 0;

    // The workload's memory for this VM, Workload::state_size bytes, all 0 at the start, kept in
    // checkpoints as it is. T: trivially copyable, no pointers. A checkpoint may be made by
    // anybody: what is used as an index goes through checked_index().
    template <typename T>
    T& state() {
        static_assert(std::is_trivially_copyable_v<T>);
        HVLAB_ASSERT(sizeof(T) <= bytes_.size());
        return *reinterpret_cast<T*>(bytes_.data());
    }
    // The state begins with a T; an array of Elements follows it.
    template <typename T, typename Element>
    std::span<Element> elements() {
        static_assert(std::is_trivially_copyable_v<Element> && sizeof(T) % alignof(Element) == 0);
        return {reinterpret_cast<Element*>(bytes_.data() + sizeof(T)),
                (bytes_.size() - sizeof(T)) / sizeof(Element)};
    }

protected:
    std::span<std::byte> bytes_;  // aligned to 8
};

}  // namespace hvlab::sim
