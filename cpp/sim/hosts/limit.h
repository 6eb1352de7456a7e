// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>
#include <cstdint>

#include "core/base/state_io.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// How much a VM may still run in this accounting period (CFS bandwidth control: Turner, Rao, Rao:
// CPU bandwidth control for CFS, Linux Symposium 2010). In no period it runs longer than its limit
// allows, and if it always wants to, it runs less than 1 ns a vCPU shorter.
class Limit {
public:
    Limit() = default;  // there is none
    Limit(double pcpus, Duration period)
        : limited_(true),
          // 0.29 of a second is 290 ms, not a nanosecond less.
          budget_(static_cast<Duration>(std::floor(pcpus * static_cast<double>(period) + 1e-3))),
          left_(budget_) {}

    bool limited() const { return limited_; }
    // Until the period ends.
    bool throttled() const { return throttled_; }
    void throttle() { throttled_ = true; }

    void refill(Time now) {
        left_ = budget_;
        counted_ = now;
        throttled_ = false;
    }
    // So many of its vCPUs more (fewer) are on pCPUs from now on.
    void change_running(Time now, int change) {
        left_ -= running_ * (now - counted_);
        counted_ = now;
        running_ += change;
    }
    // When it is used up, if nothing changes.
    Time used_up() const {
        if (throttled_) return kNever;
        if (left_ <= 0) return counted_;
        return running_ == 0 ? kNever : counted_ + left_ / running_;
    }

    void save(StateWriter& writer) const {
        writer.put(left_);
        writer.put(counted_);
        writer.put(running_);
        writer.put(throttled_);
    }
    // `running`: how many of the VM's vCPUs are on pCPUs.
    void load(StateReader& reader, Time now, int running) {
        left_ = reader.get_in<Duration>(0, budget_, "what is left of a limit");
        counted_ = reader.get_in<Time>(0, now, "time of a limit");
        running_ = reader.get_in(limited_ ? running : 0, limited_ ? running : 0,
                                 "running vCPUs of a limited VM");
        throttled_ = reader.get_bool();
        if (throttled_ && !limited_) throw StateError("a VM without a limit has used it up");
    }

private:
    bool limited_ = false;
    bool throttled_ = false;
    int running_ = 0;
    Duration budget_ = 0;  // a period
    Duration left_ = 0;    // at `counted_`
    Time counted_ = 0;
};

}  // namespace hvlab::sim
