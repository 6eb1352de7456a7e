// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/ledger_state.h"

namespace hvlab::sim {

namespace {

// Calls `visit` with each field of the ledger, in a fixed order.
template <typename Ledger, typename Visit>
void each_vm_field(Ledger& ledger, Visit visit) {
    visit(ledger.run);
    visit(ledger.overhead);
    visit(ledger.lost);
    visit(ledger.spun);
    visit(ledger.ready);
    visit(ledger.costop);
    visit(ledger.throttled);
    visit(ledger.idle);
    visit(ledger.switches);
    visit(ledger.migrations);
    visit(ledger.arrivals);
    visit(ledger.responses);
    visit(ledger.latency);
    visit(ledger.latency_most);
    visit(ledger.latency_squares);
    visit(ledger.sojourns);
    visit(ledger.presence);
}

template <typename Ledger, typename Visit>
void each_host_field(Ledger& ledger, Visit visit) {
    visit(ledger.busy);
    visit(ledger.idle);
    visit(ledger.events);
    visit(ledger.switches);
    visit(ledger.migrations);
}

struct Put {
    StateWriter& writer;
    template <typename T>
    void operator()(const T& field) const {
        writer.put(field);
    }
};

struct Get {
    StateReader& reader;
    template <typename T>
    void operator()(T& field) const {
        field = reader.get<T>();
    }
};

}  // namespace

void save_ledger(StateWriter& writer, const VmLedger& ledger) {
    each_vm_field(ledger, Put{writer});
}
void load_ledger(StateReader& reader, VmLedger& ledger) {
    each_vm_field(ledger, Get{reader});
}
void save_ledger(StateWriter& writer, const HostLedger& ledger) {
    each_host_field(ledger, Put{writer});
}
void load_ledger(StateReader& reader, HostLedger& ledger) {
    each_host_field(ledger, Get{reader});
}

}  // namespace hvlab::sim
