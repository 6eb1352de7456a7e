// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cmath>

#include "core/base/state_io.h"
#include "sim/engine/time.h"

namespace hvlab::sim {

// A number averaged over the last second or so, recent values counting more: credit2's measure of
// how busy a run queue or a vCPU is.
class AverageLoad {
public:
    static constexpr double kWindow = 1 << 30;  // ns

    explicit AverageLoad(double average = 0) : average_(average) {}

    double average() const { return average_; }

    // It was `value` since the last call.
    void update(double value, Time now) {
        const double passed = std::min(static_cast<double>(now - updated_), kWindow);
        average_ += passed / kWindow * (value - average_);
        updated_ = now;
    }

    // One whose average is `average` comes (or, negative, goes).
    void add(double average) { average_ += average; }

    void save(StateWriter& writer) const {
        writer.put(average_);
        writer.put(updated_);
    }
    void load(StateReader& reader) {
        average_ = reader.get_in(-kMost, kMost, "average load");
        if (std::isnan(average_)) throw StateError("an average load is not a number");
        updated_ = reader.get_in<Time>(0, kNever, "time of an average load");
    }

private:
    static constexpr double kMost = 1e9;

    double average_;
    Time updated_ = 0;
};

}  // namespace hvlab::sim
