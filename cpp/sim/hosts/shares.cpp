// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/hosts/shares.h"

#include <algorithm>

namespace hvlab::sim {

// Each round freezes the claims that break the bound on the side that is broken by more in sum; a
// claim frozen so is at that bound in the solution, since freezing moves lambda only the other way.
// At most as many rounds as claims; two or three as a rule.
void Shares::divide(std::span<const Claim> claims, double capacity, std::span<double> shares) {
    double wanted = 0;
    for (const Claim& claim : claims) wanted += claim.most;
    if (wanted <= capacity) {
        for (std::size_t i = 0; i < claims.size(); ++i) shares[i] = claims[i].most;
        return;
    }
    open_.clear();
    double weights = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
        open_.push_back(i);
        weights += claims[i].weight;
    }
    double left = capacity;
    while (!open_.empty()) {
        const double lambda = std::max(0.0, left) / weights;
        double broken = 0;  // > 0: more is missing below than there is too much above
        for (const std::size_t i : open_) {
            const double share = claims[i].weight * lambda;
            shares[i] = std::clamp(share, claims[i].least, claims[i].most);
            broken += shares[i] - share;
        }
        const auto frozen = [&](std::size_t i) {
            const double share = claims[i].weight * lambda;
            const bool below = share < claims[i].least;
            const bool above = share > claims[i].most;
            if (!(broken > 0 ? below : broken < 0 ? above : below || above)) return false;
            left -= shares[i];
            weights -= claims[i].weight;
            return true;
        };
        const auto rest = std::remove_if(open_.begin(), open_.end(), frozen);
        if (rest == open_.end()) return;
        open_.erase(rest, open_.end());
    }
}

std::vector<double> speeds_by_busy(const HostGroup& host) {
    const int cores = host.sockets * host.cores;
    std::vector<double> result(static_cast<std::size_t>(host.pcpus()) + 1, 1.0);
    for (int busy = cores + 1; busy <= host.pcpus(); ++busy) {
        const int alone = cores - std::min(cores, busy - cores);
        result[static_cast<std::size_t>(busy)] = (alone + (busy - alone) * host.smt_speed) / busy;
    }
    return result;
}

}  // namespace hvlab::sim
