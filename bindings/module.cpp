// SPDX-License-Identifier: GPL-2.0-or-later
#include "bindings.h"

PYBIND11_MODULE(_core, module) {
    namespace py = hvlab::python;
    module.doc() =
        "The core of hvlab. Use it through the hvlab package: names and units are checked there.";
    py::bind_errors(module);
    py::bind_cpu(module);
    py::bind_console(module);
    py::bind_device(module);
    py::bind_event(module);
    py::bind_stop(module);
    py::bind_memory(module);
    py::bind_boot(module);
    py::bind_host(module);
    py::bind_scenario(module);
    py::bind_kvm(module);
    py::bind_probe(module);
    py::bind_sim_table(module);
    py::bind_sim_kinds(module);
    py::bind_sim_policy(module);
    py::bind_sim_cluster(module);
    module.def(
        "engine_version", [] { return HVLAB_ENGINE_VERSION; },
        "Unicorn's version, and a hash of our changes to it: with the same one a guest retires the "
        "same instructions.");
}
