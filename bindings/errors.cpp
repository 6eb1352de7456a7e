// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one place where a C++ exception becomes a Python one. The classes live in hvlab.errors, so
// that they can be documented and caught without loading the core.
#include "bindings.h"
#include "core/base/state_io.h"
#include "core/base/status.h"
#include "core/machine/console_pattern.h"
#include "core/scenario/document.h"
#include "handles.h"

namespace py = pybind11;

namespace hvlab::python {

namespace {

template <typename... Arguments>
void raise(const char* name, Arguments&&... arguments) {
    const py::object type = py::module_::import("hvlab.errors").attr(name);
    const py::object value = type(std::forward<Arguments>(arguments)...);
    PyErr_SetObject(type.ptr(), value.ptr());
}

// Most derived first.
void translate(std::exception_ptr pointer) {
    if (!pointer) return;
    try {
        std::rethrow_exception(pointer);
    } catch (const BackendUnavailable& e) {
        raise("BackendUnavailable", e.what(), e.backend(), e.operation(), e.error_number());
    } catch (const BackendError& e) {
        raise("BackendError", e.what(), e.backend(), e.operation(), e.error_number());
    } catch (const HostError& e) {
        raise("HostError", e.what(), e.operation(), e.error_number());
    } catch (const BootError& e) {
        raise("BootError", e.what(), e.path(), e.field());
    } catch (const ConfigError& e) {
        raise("MachineConfigError", e.what(), e.field());
    } catch (const DeviceError& e) {
        raise("DeviceError", e.what(), e.device(), e.offset());
    } catch (const ScenarioSyntaxError& e) {
        raise("ScenarioError", e.message(), e.file(), e.line(), e.column());
    } catch (const ClosedError& e) {
        raise("MachineClosed", e.what());
    } catch (const BusyError& e) {
        raise("MachineBusy", e.what());
    } catch (const RingError& e) {
        raise("RingError", e.what());
    } catch (const PatternError& e) {
        raise("PatternError", e.what());
    } catch (const Error& e) {
        raise("HvlabError", e.what());
    }
}

}  // namespace

void bind_errors(py::module_&) {
    py::register_exception_translator(&translate);
}

}  // namespace hvlab::python
