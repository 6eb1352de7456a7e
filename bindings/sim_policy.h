// SPDX-License-Identifier: GPL-2.0-or-later
//
// Schedulers of the simulator that are written in Python.
#pragma once

#include <pybind11/pybind11.h>

#include "sim/cluster/cluster.h"

namespace hvlab::python {

// `makers`: for each group of hosts with a scheduler of the user's own, by name, a function of no
// arguments that gives a new hvlab.sim.Scheduler. What is made holds on to `makers`; it may be
// called and destroyed without the GIL. Both throw py::error_already_set: what Python raised, or a
// SimulationError that has it as its cause.
sim::SchedulerFactory scheduler_factory(const pybind11::dict& makers);

}  // namespace hvlab::python
