// SPDX-License-Identifier: GPL-2.0-or-later
//
// The guest's time-stamp counter where the host lets it be set (VT-x, SVM): guest time plus an
// offset, as the contract has it. The processor's counter runs on while the machine stands still,
// so it is put right when a run begins.
#pragma once

#include <chrono>
#include <cstdint>

#include "backends/kvm/system_calls.h"

namespace hvlab::kvm {

class GuestTsc {
public:
    using Clock = std::chrono::steady_clock;

    // MSR 10h minus guest time. Takes effect with the next align().
    std::uint64_t offset() const { return offset_; }
    void set_offset(std::uint64_t offset);

    // The counter reads `guest_time` plus the offset at `now`, within kTolerance, when this
    // returns. No call where it does already. Throws BackendError.
    void align(const Handle& vcpu, std::uint64_t guest_time, Clock::time_point now);

    // More than reading the clocks takes, less than a guest could tell from an interrupt.
    static constexpr std::chrono::nanoseconds kTolerance{2000};

private:
    std::uint64_t offset_ = 0;
    bool aligned_ = false;
    // When it was aligned, on both clocks.
    std::uint64_t guest_time_ = 0;
    Clock::time_point host_time_{};
};

}  // namespace hvlab::kvm
