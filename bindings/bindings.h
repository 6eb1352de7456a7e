// SPDX-License-Identifier: GPL-2.0-or-later
//
// One function a topic adds its classes to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace hvlab::python {

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
void bind_cpu(pybind11::module_& module);
void bind_memory(pybind11::module_& module);
void bind_console(pybind11::module_& module);
void bind_device(pybind11::module_& module);
void bind_event(pybind11::module_& module);
void bind_stop(pybind11::module_& module);
void bind_boot(pybind11::module_& module);
void bind_host(pybind11::module_& module);
void bind_scenario(pybind11::module_& module);
void bind_kvm(pybind11::module_& module);
void bind_probe(pybind11::module_& module);
void bind_sim_table(pybind11::module_& module);
void bind_sim_cluster(pybind11::module_& module);
void bind_sim_kinds(pybind11::module_& module);
void bind_sim_policy(pybind11::module_& module);

}  // namespace hvlab::python
