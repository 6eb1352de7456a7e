// SPDX-License-Identifier: GPL-2.0-or-later
//
// A workload whose numbers come from outside: from a user's function in Python, asked for many VMs
// at once. Each vCPU is a client, as of `closed`: it thinks, asks, and waits for the response; how
// long it thinks and what work it asks for is the next pair in its VM's buffer.
//
// Who does what:
//   workload  When a VM has used up its buffer it calls Guest::starve. Its state can hold two
//             batches; it wants one (Workload::wanted) whenever at most one is left.
//   host      On Guest::starve it handles all else that happens at this instant, and returns
//             Advanced::starved. Fed, it goes on from there.
//   cluster   When all hosts have returned from the window and one of them is starved: the VMs that
//             want a batch (of all hosts, starved or not, in order of their numbers) are asked for
//             in one call; what comes back is checked (check_batches); each VM is fed; the starved
//             hosts are advanced to the end of the same window.
// What a VM does depends on its own pairs in their order alone: not on when it is fed, with whom,
// nor on threads. Whoever gives them is told the number of the first one, so that they may be a
// function of the VM and that number; a run is then resumed as any other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/workloads/workload.h"

namespace hvlab::sim {

extern const WorkloadKind kFedWorkload;

// Think times and work for `vms`, a row of `pairs` for each: think times from 0, work from 1 ns,
// both up to Distribution::kLongest. Otherwise throws ConfigError (field `workload`), which names
// the VM.
void check_batches(std::span<const std::uint32_t> vms, std::size_t pairs,
                   std::span<const Duration> think, std::span<const Duration> work);

// Nanoseconds, rounded. What is no duration (NaN, infinite, negative) becomes -1, for check_batches
// to find.
std::vector<Duration> whole_nanoseconds(std::span<const double> values);

}  // namespace hvlab::sim
