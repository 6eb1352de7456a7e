// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pybind11/pybind11.h>

namespace hvlab::python {

// The GIL released for the lifetime of the object, in a thread that Python made: without pybind11's
// look at its own threads, which is a part of what a short run costs.
class Unlocked {
public:
    Unlocked() : thread_(PyEval_SaveThread()) {}
    ~Unlocked() { PyEval_RestoreThread(thread_); }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

private:
    PyThreadState* thread_;
};

// What a long run calls every few milliseconds, the GIL released: takes it back for a moment so
// that a signal handler can run. Ctrl-C leaves through the exception; the machine stands between
// two instructions.
inline void check_signals() {
    const pybind11::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

}  // namespace hvlab::python
