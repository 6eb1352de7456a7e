// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ledgers in a checkpoint.
#pragma once

#include "core/base/state_io.h"
#include "sim/measures/ledger.h"

namespace hvlab::sim {

void save_ledger(StateWriter& writer, const VmLedger& ledger);
void load_ledger(StateReader& reader, VmLedger& ledger);
void save_ledger(StateWriter& writer, const HostLedger& ledger);
void load_ledger(StateReader& reader, HostLedger& ledger);

}  // namespace hvlab::sim
