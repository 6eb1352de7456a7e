// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ledgers in a checkpoint.
#pragma once

#include "core/base/state_io.h"
#include "sim/measures/ledger.h"

namespace hvlab::sim {

// What no number of a ledger is beyond, at `now`: of something with so many vCPUs or pCPUs.
// Whatever is added to such numbers for as long again, 63 bits hold it.
struct LedgerBounds {
    LedgerBounds(Time at, std::int64_t processors);

    Time now;
    Duration time;          // of all processors
    std::int64_t count;     // events
    Duration request_time;  // of all requests
};

void save_ledger(StateWriter& writer, const VmLedger& ledger);
void save_ledger(StateWriter& writer, const HostLedger& ledger);
// Throw StateError for what is beyond the bounds.
void load_ledger(StateReader& reader, VmLedger& ledger, const LedgerBounds& bounds);
void load_ledger(StateReader& reader, HostLedger& ledger, const LedgerBounds& bounds);
void check_ledger(const RequestLedger& ledger, const LedgerBounds& bounds);

// Of differences of ledgers, which may be negative. Checked later, when the bounds are known.
void load_difference(StateReader& reader, VmLedger& ledger);
void check_difference(const VmLedger& ledger, const LedgerBounds& bounds);

}  // namespace hvlab::sim
