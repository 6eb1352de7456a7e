// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/ledger_state.h"

#include <limits>

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

// More than happens at one instant.
constexpr std::int64_t kEventsAtOnce = std::int64_t{1} << 32;

std::int64_t product(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<std::int64_t>::max()
                                                 : result;
}

template <typename T>
void require(T value, T least, T most) {
    // Written so that NaN is refused.
    if (!(value >= least && value <= most)) throw StateError("a ledger is out of range");
}

// `sign`: -1 if it may be negative, 0 otherwise.
void check_requests(const RequestLedger& ledger, const LedgerBounds& bounds, int sign) {
    for (const auto count : {ledger.arrivals, ledger.responses}) {
        require(count, sign * bounds.count, bounds.count);
    }
    for (const auto time : {ledger.latency, ledger.sojourns, ledger.presence}) {
        require(time, sign * bounds.request_time, bounds.request_time);
    }
    require(ledger.latency_most, Duration{0}, bounds.now);
    require(ledger.latency_squares, 0.0, std::numeric_limits<double>::max());
}

void check_vm(const VmLedger& ledger, const LedgerBounds& bounds, int sign) {
    check_requests(ledger, bounds, sign);
    for (const auto time : {ledger.run, ledger.overhead, ledger.lost, ledger.spun, ledger.ready,
                            ledger.costop, ledger.throttled, ledger.idle}) {
        require(time, sign * bounds.time, bounds.time);
    }
    for (const auto count : {ledger.switches, ledger.migrations}) {
        require(count, sign * bounds.count, bounds.count);
    }
}

}  // namespace

LedgerBounds::LedgerBounds(Time at, std::int64_t processors)
    : now(at),
      time(product(at, processors)),
      count(time / 2 + kEventsAtOnce),
      request_time(product(at, count)) {}

void save_ledger(StateWriter& writer, const VmLedger& ledger) {
    each_vm_field(ledger, Put{writer});
}
void save_ledger(StateWriter& writer, const HostLedger& ledger) {
    each_host_field(ledger, Put{writer});
}
void load_ledger(StateReader& reader, VmLedger& ledger, const LedgerBounds& bounds) {
    each_vm_field(ledger, Get{reader});
    check_vm(ledger, bounds, 0);
}
void load_ledger(StateReader& reader, HostLedger& ledger, const LedgerBounds& bounds) {
    each_host_field(ledger, Get{reader});
    require(ledger.busy, Duration{0}, bounds.time);
    require(ledger.idle, Duration{0}, bounds.time);
    for (const auto count : {ledger.events, ledger.switches, ledger.migrations}) {
        require(count, std::int64_t{0}, bounds.count);
    }
}
void check_ledger(const RequestLedger& ledger, const LedgerBounds& bounds) {
    check_requests(ledger, bounds, 0);
}
void load_difference(StateReader& reader, VmLedger& ledger) {
    each_vm_field(ledger, Get{reader});
}
void check_difference(const VmLedger& ledger, const LedgerBounds& bounds) {
    check_vm(ledger, bounds, -1);
}

}  // namespace hvlab::sim
