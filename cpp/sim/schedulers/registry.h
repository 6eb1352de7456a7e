// SPDX-License-Identifier: GPL-2.0-or-later
//
// The policies that come with hvlab: one line here, and one in registry.cpp.
#pragma once

#include "sim/schedulers/scheduler.h"

namespace hvlab::sim {

extern const SchedulerKind kCredit2;
extern const SchedulerKind kEevdf;
extern const SchedulerKind kEsx;
extern const SchedulerKind kGang;
extern const SchedulerKind kHyperv;
extern const SchedulerKind kRoundRobin;

}  // namespace hvlab::sim
