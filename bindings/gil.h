// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

namespace hvlab::python {

// What a long run calls every few milliseconds, the GIL released: takes it back for a moment so
// that a signal handler can run. Ctrl-C leaves through the exception; the machine stands between
// two instructions.
inline void check_signals() {
    const pybind11::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

}  // namespace hvlab::python
