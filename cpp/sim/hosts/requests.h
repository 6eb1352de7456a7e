// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>

#include "core/base/state_io.h"
#include "sim/engine/time.h"
#include "sim/measures/ledger.h"

namespace hvlab::sim {

// The requests that are in a VM.
class Requests {
public:
    std::int64_t open() const { return open_; }

    void arrive(RequestLedger& ledger, Time now) {
        settle(ledger, now);
        ++open_;
        ++ledger.arrivals;
    }
    // `began`: when the ledger did. Returns the latency.
    Duration respond(RequestLedger& ledger, Time now, Time arrived, Time began) {
        settle(ledger, now);
        --open_;
        const Duration latency = now - arrived;
        ++ledger.responses;
        ledger.latency += latency;
        ledger.latency_most = std::max(ledger.latency_most, latency);
        ledger.latency_squares += static_cast<double>(latency) * static_cast<double>(latency);
        ledger.sojourns += now - std::max(arrived, began);
        return latency;
    }
    // Brings the ledger's presence up to `now`.
    void settle(RequestLedger& ledger, Time now) {
        ledger.presence += presence(now);
        counted_ = now;
    }
    // Since the last time it was brought up.
    Duration presence(Time now) const { return open_ * (now - counted_); }

    void save(StateWriter& writer) const {
        writer.put(open_);
        writer.put(counted_);
    }
    void load(StateReader& reader, Time now) {
        open_ = reader.get<std::int64_t>();
        counted_ = reader.get<Time>();
        check(now);
    }
    // What came from a checkpoint. Throws StateError.
    void check(Time now) const {
        if (open_ < 0 || open_ > kMostOpen || counted_ < 0 || counted_ > now) {
            throw StateError("requests of a VM are out of range");
        }
    }

private:
    static constexpr std::int64_t kMostOpen = std::int64_t{1} << 36;

    std::int64_t open_ = 0;
    Time counted_ = 0;
};

}  // namespace hvlab::sim
