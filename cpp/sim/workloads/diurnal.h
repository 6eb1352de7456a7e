// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sim/workloads/workload.h"

namespace hvlab::sim {

extern const WorkloadKind kDiurnalWorkload;

}  // namespace hvlab::sim
