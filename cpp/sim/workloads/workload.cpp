// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workloads/workload.h"

namespace hvlab::sim {

void Workload::open_requests(Guest& /*guest*/, const std::function<void(Time)>& /*visit*/) const {}

std::size_t Workload::wanted(Guest& /*guest*/) const {
    return 0;
}

std::uint64_t Workload::given(Guest& /*guest*/) const {
    return 0;
}

void Workload::feed(Guest& /*guest*/, std::span<const Duration> /*think*/,
                    std::span<const Duration> /*work*/) const {
    HVLAB_ASSERT(false);  // it wants none
}

}  // namespace hvlab::sim
