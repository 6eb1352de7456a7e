// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/measures/ledger.h"

#include <algorithm>

namespace hvlab::sim {
namespace {

constexpr Duration VmLedger::*kDurations[] = {
    &VmLedger::run,     &VmLedger::overhead, &VmLedger::lost,      &VmLedger::spun,
    &VmLedger::ready,   &VmLedger::costop,   &VmLedger::throttled, &VmLedger::idle,
    &VmLedger::latency, &VmLedger::sojourns, &VmLedger::presence};
constexpr std::int64_t VmLedger::*kCounts[] = {&VmLedger::switches, &VmLedger::migrations,
                                               &VmLedger::arrivals, &VmLedger::responses};

}  // namespace

void add(VmLedger& to, const VmLedger& ledger) {
    for (const auto field : kDurations) to.*field += ledger.*field;
    for (const auto field : kCounts) to.*field += ledger.*field;
    to.latency_most = std::max(to.latency_most, ledger.latency_most);
    to.latency_squares += ledger.latency_squares;
}

VmLedger difference(const VmLedger& later, const VmLedger& earlier) {
    VmLedger result;
    for (const auto field : kDurations) result.*field = later.*field - earlier.*field;
    for (const auto field : kCounts) result.*field = later.*field - earlier.*field;
    return result;
}

}  // namespace hvlab::sim
