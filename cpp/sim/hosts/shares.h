// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/model/description.h"

namespace hvlab::sim {

// What a VM asks of its host, in pCPUs.
struct Claim {
    double weight = 1;
    double least = 0;  // reserved, as far as it wants it
    double most = 0;   // what it wants, and may have
};

// Divides `capacity` pCPUs: each gets weight x lambda, but not less than its `least` and not more
// than its `most`, with the one lambda that uses up capacity or satisfies all (weighted max-min
// fairness: Bertsekas, Gallager: Data Networks, 2nd ed., s. 6.5.2). The sum of `least` is at most
// `capacity`.
class Shares {
public:
    explicit Shares(std::size_t most_claims) { open_.reserve(most_claims); }

    // shares[i] is the share of claims[i].
    void divide(std::span<const Claim> claims, double capacity, std::span<double> shares);

private:
    std::vector<std::size_t> open_;  // claims that still get weight x lambda
};

// What n busy pCPUs of a host do, each, compared with one alone: threads of a core slow each other
// down.
std::vector<double> speeds_by_busy(const HostGroup& host);

}  // namespace hvlab::sim
